import { networkInterfaces } from 'node:os';
import { decodeWorkerMessage, encode } from '@convoy/protocol/codec';
import { maxMessageBytes, type ServerMessage, type WorkerMessage } from '@convoy/protocol/messages';
import type { Codec } from '@convoy/transport/connection';
import { listen, type Listener } from '@convoy/transport/listen';
import type { ServedRun } from './serve-run.ts';
import type { WorkerConnection } from './session.ts';

export const serverCodec: Codec<WorkerMessage, ServerMessage> = { encode, decode: decodeWorkerMessage };

const MAX_CONNECTIONS = 4096;

/** An address that workers can reach already, while the run behind it may still be in the making. */
export interface Door {
  readonly listener: Listener;
  /** Hands over the connections that wait and all that come. */
  letIn(run: Pick<ServedRun, 'accept'>): void;
}

/**
 * Listens before anything else is done, so that a busy port is told at once and leaves nothing behind.
 * @throws OperatorError when the address can't be bound.
 */
export async function openDoor(host: string, port: number, parameterCount: number): Promise<Door> {
  const waiting = new Set<WorkerConnection>();
  let server: Pick<ServedRun, 'accept'> | null = null;
  const listener = await listen({
    host,
    port,
    codec: serverCodec,
    maxMessageBytes: maxMessageBytes(parameterCount),
    maxConnections: MAX_CONNECTIONS,
    onConnection: (connection) => {
      if (server !== null) return server.accept(connection);
      waiting.add(connection);
      void connection.closed.then(() => waiting.delete(connection));
    },
  });
  return {
    listener,
    letIn(arrived) {
      server = arrived;
      for (const connection of waiting) arrived.accept(connection);
      waiting.clear();
    },
  };
}

/** The ws:// address at which another machine would reach a listener. */
export function reachableUrl({ host, port }: Listener): string {
  const isAny = host === '0.0.0.0' || host === '::';
  const name = isAny ? (externalAddress() ?? '127.0.0.1') : host;
  return `ws://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Whether only this machine reaches a listener there. @param host an address. */
export function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.') || host.startsWith('::ffff:127.');
}

function externalAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find((address) => address !== undefined && !address.internal && address.family === 'IPv4')?.address;
}
