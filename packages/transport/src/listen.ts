import type { AddressInfo } from 'node:net';
import { createServer, type IncomingMessage } from 'node:http';
import { WebSocketServer } from 'ws';
import { OperatorError, exitCodes } from '@convoy/protocol/errors';
import { closeCodes, type Codec, type Connection } from './connection.ts';
import { SocketConnection } from './socket.ts';

export interface ListenOptions<Incoming, Outgoing> {
  /** Address to bind; 0.0.0.0 for every interface. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly codec: Codec<Incoming, Outgoing>;
  /** Largest message accepted, in bytes; a larger one closes its connection with 1009. */
  readonly maxMessageBytes: number;
  /** Connections beyond this many are closed with `closeCodes.full`. */
  readonly maxConnections: number;
  readonly onConnection: (connection: Connection<Incoming, Outgoing>) => void;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting, and resolves when every connection has ended; those that linger are cut. */
  close(): Promise<void>;
}

/**
 * Accepts WebSocket connections.
 * @throws OperatorError when the address can't be bound.
 */
export async function listen<Incoming, Outgoing>(options: ListenOptions<Incoming, Outgoing>): Promise<Listener> {
  const { host, port, codec, maxMessageBytes, maxConnections, onConnection } = options;
  const http = createServer((_request, response) => {
    response
      .writeHead(426, { 'content-type': 'text/plain' })
      .end('This port speaks WebSocket: start a worker with its ws:// address.\n');
  });
  const server = new WebSocketServer({
    server: http,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    // Any page in a browser on this machine could connect; a worker is no page and sends no Origin.
    verifyClient: ({ req }: { req: IncomingMessage }) => req.headers.origin === undefined,
  });
  server.on('connection', (socket, request) => {
    const { remoteAddress, remotePort } = request.socket;
    request.socket.setNoDelay(true);
    const bytesHeard = () => request.socket.bytesRead;
    const connection = new SocketConnection(socket, `${remoteAddress}:${remotePort}`, codec, bytesHeard);
    if (server.clients.size > maxConnections) {
      connection.close(closeCodes.full, `this server takes ${maxConnections} connections`);
      return;
    }
    onConnection(connection);
  });
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(explainBinding(error, host, port));
    // The WebSocket server repeats its HTTP server's errors: one of the two is answered, the other must not be unhandled.
    server.on('error', fail);
    http.listen({ host, port }, () => resolve());
  });
  const address = http.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    async close() {
      const ended = new Promise<void>((resolve) => http.close(() => resolve()));
      server.close();
      http.closeIdleConnections();
      for (const socket of server.clients) socket.close(closeCodes.goingAway, 'the server is stopping');
      const cut = setTimeout(() => {
        for (const socket of server.clients) socket.terminate();
        http.closeAllConnections();
      }, 1_000);
      await ended;
      clearTimeout(cut);
    },
  };
}

function explainBinding(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const options = { cause: error, exitCode: exitCodes.network };
  switch (error.code) {
    case 'EADDRINUSE':
      return new OperatorError(
        `port ${port} on ${host} is in use: choose another with --port (0 takes a free one)`,
        options,
      );
    case 'EACCES':
      return new OperatorError(
        `port ${port} needs more rights than this user has: choose one above 1023 with --port`,
        options,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new OperatorError(
        `this machine has no address ${host}: choose another with --host (0.0.0.0 for all)`,
        options,
      );
    default:
      return new OperatorError(`can't listen on ${host}:${port}: ${error.message}`, options);
  }
}
