import { networkInterfaces } from 'node:os';
import { decodeWorkerMessage, encode } from '@convoy/protocol/codec';
import { maxMessageBytes, type ServerMessage, type WorkerMessage } from '@convoy/protocol/messages';
import type { Codec } from '@convoy/transport/connection';
import { listen, type Listener } from '@convoy/transport/listen';
import { answerText, RouteTable, type Route } from '@convoy/transport/routes';
import type { ServerTls } from '@convoy/transport/server-tls';
import type { TokenBook } from '@convoy/transport/tokens';
import type { ServedRun } from './serve-run.ts';
import type { WorkerConnection } from './session.ts';

export const serverCodec: Codec<WorkerMessage, ServerMessage> = { encode, decode: decodeWorkerMessage };

const MAX_CONNECTIONS = 4096;

export interface DoorOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Of the largest model that may be trained: the size of the largest message follows from it. */
  readonly parameterCount: number;
  /** Who may connect and ask; without, everybody who reaches the port. */
  readonly tokens?: TokenBook | null;
  /** Whether, on loopback, who shows no token may watch and steer. */
  readonly isOpenHere?: boolean;
  /** The certificate to show; plain text without. */
  readonly tls?: ServerTls | null;
  /** Told what a route's handler threw. */
  readonly onFault?: (error: unknown) => void;
}

/** What a door asks of the run behind it. */
export type RunBehind = Pick<ServedRun, 'accept' | 'notReady' | 'refused'>;

/** An address that workers and operators can reach already, while the run behind it may still be in the making. */
export interface Door {
  readonly listener: Listener;
  /** Answers more over HTTP than whether the process is alive and ready. */
  add(...routes: readonly Route[]): void;
  /** Hands over the connections that wait and all that come. */
  letIn(run: RunBehind): void;
}

/**
 * Listens before anything else is done, so that a busy port is told at once and leaves nothing behind.
 * @throws OperatorError when the address can't be bound.
 */
export async function openDoor({ parameterCount, onFault, ...options }: DoorOptions): Promise<Door> {
  const waiting = new Set<WorkerConnection>();
  let run: RunBehind | null = null;
  const routes = new RouteTable(
    healthRoutes(() => (run === null ? 'the run is being opened' : run.notReady())),
    onFault,
  );
  const listener = await listen({
    ...options,
    codec: serverCodec,
    maxMessageBytes: maxMessageBytes(parameterCount),
    maxConnections: MAX_CONNECTIONS,
    routes,
    onRefused: (remote, reason) => run?.refused(remote, reason),
    onConnection: (connection) => {
      if (run !== null) return run.accept(connection);
      waiting.add(connection);
      void connection.closed.then(() => waiting.delete(connection));
    },
  });
  return {
    listener,
    add: (...more) => routes.add(...more),
    letIn(arrived) {
      run = arrived;
      for (const connection of waiting) arrived.accept(connection);
      waiting.clear();
    },
  };
}

/**
 * For whoever keeps the process running. Both need no token.
 * @param notReady why no worker is let in; null while they are.
 */
function healthRoutes(notReady: () => string | null): readonly Route[] {
  return [
    { method: 'GET', path: '/healthz', role: null, handle: (_, response) => answerText(response, 200, 'ok') },
    {
      method: 'GET',
      path: '/readyz',
      role: null,
      handle(_, response) {
        const reason = notReady();
        answerText(response, reason === null ? 200 : 503, reason ?? 'ok');
      },
    },
  ];
}

/** The address at which another machine would reach a listener. @param isSecure whether it speaks TLS. */
export function reachableUrl({ host, port }: Pick<Listener, 'host' | 'port'>, isSecure = false): string {
  const isAny = host === '0.0.0.0' || host === '::';
  const name = isAny ? (externalAddress() ?? '127.0.0.1') : host;
  return `${isSecure ? 'wss' : 'ws'}://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** An address that other machines may know: of IPv4 if there is one, never one that means something on one link alone. */
function externalAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces())
    .flat()
    .filter((address) => address !== undefined && !address.internal && !address.address.startsWith('fe80:'));
  return (addresses.find((address) => address?.family === 'IPv4') ?? addresses[0])?.address;
}
