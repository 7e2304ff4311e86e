import { affordableSockets } from './descriptors.ts';
import { bind, unbind } from './bind.ts';
import { Gate } from './gate.ts';
import { httpServer } from './http-server.ts';
import type { Listener } from './listen.ts';
import { isLoopback } from './loopback.ts';
import type { RouteTable } from './routes.ts';

export interface ListenHttpOptions {
  /** Address to bind. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly routes: RouteTable;
}

/** Browsers open some six at a time. */
const MAX_SOCKETS = 256;

/**
 * Answers HTTP requests, without tokens, and no WebSocket.
 * @throws OperatorError when the address can't be bound.
 */
export async function listenHttp({ host, port, routes }: ListenHttpOptions): Promise<Listener> {
  const sockets = Math.max(2, Math.min(MAX_SOCKETS, affordableSockets()));
  const http = httpServer({
    gate: new Gate({ isLocal: isLoopback(host) }),
    routes,
    tls: null,
    room: { sockets, unasked: sockets >> 1 },
    onRefused: () => {},
  });
  return { ...(await bind(http, host, port)), close: () => unbind(http) };
}
