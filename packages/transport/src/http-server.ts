import { createServer, STATUS_CODES, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Gate, RefusedRequest } from './gate.ts';
import { refusalHeaders, type RouteTable } from './routes.ts';
import type { ServerTls } from './server-tls.ts';
import { UnaskedSockets } from './unasked.ts';

export interface HttpServerOptions {
  readonly gate: Gate;
  readonly routes: RouteTable;
  readonly tls: ServerTls | null;
  /** Sockets in all, and those that have not asked for anything. */
  readonly room: { readonly sockets: number; readonly unasked: number };
  readonly onRefused: (remote: string, reason: string) => void;
}

/** Time to send a whole request, and for the TLS handshake before it. */
const REQUEST_WITHIN_MS = 10_000;
/** How often requests are looked at for that. */
const CHECK_REQUESTS_EVERY_MS = 1_000;
/** A peer that takes nothing of an answer for so long is cut. */
const ANSWER_TAKEN_WITHIN_MS = 30_000;

/** Answers what is no upgrade, over TLS where there is any, and makes room among the sockets that ask for nothing. */
export function httpServer({ gate, routes, tls, room, onRefused }: HttpServerOptions): Server {
  const unasked = new UnaskedSockets(room.unasked);
  const limits = {
    headersTimeout: REQUEST_WITHIN_MS,
    requestTimeout: REQUEST_WITHIN_MS,
    connectionsCheckingInterval: CHECK_REQUESTS_EVERY_MS,
  };
  const http =
    tls === null
      ? createServer(limits)
      : createSecureServer({ ...limits, ...tls.current, handshakeTimeout: REQUEST_WITHIN_MS });
  tls?.follow(http as ReturnType<typeof createSecureServer>);
  http.maxConnections = room.sockets;
  http.on('connection', (socket: Socket) => unasked.take(socket));
  http.on('request', (request, response) => {
    const { socket } = request;
    unasked.forget(socket);
    socket.setTimeout(ANSWER_TAKEN_WITHIN_MS);
    // It may ask again, or for nothing any more.
    response.once('close', () => {
      if (!socket.destroyed) unasked.take(socket);
    });
    routes.answer(request, response, gate);
  });
  http.on('upgrade', ({ socket }) => unasked.forget(socket));
  http.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const { remoteAddress, remotePort } = socket;
    // A handshake that was never begun has nothing to tell.
    if (remoteAddress === undefined) return;
    const reason =
      error.code === 'ERR_SSL_HTTP_REQUEST' ? 'refused: plain text, where TLS is spoken' : `refused: ${error.code}`;
    onRefused(`${remoteAddress}:${remotePort}`, reason);
  });
  return http;
}

/** Refuses an upgrade: the peer gets one line and the connection ends, before a WebSocket is made of it. */
export function refuseUpgrade(socket: Duplex, refused: RefusedRequest): void {
  const body = `${refused.reason}\n`;
  const headers = {
    ...refusalHeaders(refused),
    'content-type': 'text/plain; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.on('error', () => {});
  socket.once('finish', () => socket.destroy());
  socket.end([`HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status]}`, ...lines, '', body].join('\r\n'));
}
