import { networkInterfaces } from 'node:os';
import { decodeWorkerMessage, encode } from '@convoy/protocol/codec';
import type { ServerMessage, WorkerMessage } from '@convoy/protocol/messages';
import type { Codec } from '@convoy/transport/connection';
import { listen, type Listener } from '@convoy/transport/listen';
import type { ParameterServer } from './server.ts';

export const serverCodec: Codec<WorkerMessage, ServerMessage> = { encode, decode: decodeWorkerMessage };

/** Room for a message's other fields beside its tensor. */
export const MESSAGE_OVERHEAD_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 4096;

/** Lets workers in at an address. @throws OperatorError when it can't be bound. */
export function serve(server: ParameterServer, host: string, port: number, parameterCount: number): Promise<Listener> {
  return listen({
    host,
    port,
    codec: serverCodec,
    maxMessageBytes: parameterCount * 4 + MESSAGE_OVERHEAD_BYTES,
    maxConnections: MAX_CONNECTIONS,
    onConnection: (connection) => server.accept(connection),
  });
}

/** The ws:// address at which another machine would reach a listener. */
export function reachableUrl({ host, port }: Listener): string {
  const isAny = host === '0.0.0.0' || host === '::';
  const name = isAny ? (externalAddress() ?? '127.0.0.1') : host;
  return `ws://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function externalAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find((address) => address !== undefined && !address.internal && address.family === 'IPv4')?.address;
}
