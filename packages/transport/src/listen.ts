import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { bind, unbind } from './bind.ts';
import { closeCodes, type Codec, type Connection } from './connection.ts';
import { affordableSockets } from './descriptors.ts';
import { Gate, type Caller } from './gate.ts';
import { httpServer, refuseUpgrade } from './http-server.ts';
import { DEFAULT_INCOMING_LIMITS, IncomingLimits, type IncomingLimitOptions } from './incoming-limits.ts';
import { isLoopback } from './loopback.ts';
import { RouteTable } from './routes.ts';
import type { ServerTls } from './server-tls.ts';
import { CLOSE_GRACE_MS, SocketConnection } from './socket.ts';
import { Strangers } from './strangers.ts';
import { TokenHolders } from './token-holders.ts';
import type { TokenBook } from './tokens.ts';

export interface ListenOptions<Incoming, Outgoing> {
  /** Address to bind; 0.0.0.0 for every interface. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly codec: Codec<Incoming, Outgoing>;
  /** Largest message accepted, in bytes; a larger one closes its connection with 1009. */
  readonly maxMessageBytes: number;
  /** Admitted connections, at most: fewer where the process may not open as many files. While there are as many, newcomers are closed with `closeCodes.full`. */
  readonly maxConnections: number;
  /** Connections that are not admitted; beyond that one makes room for the newcomer, see {@link Strangers.take}. */
  readonly maxStrangers?: number;
  /** What a peer may send until more is expected of it. */
  readonly incoming?: IncomingLimitOptions;
  /** A peer that leaves more than this unread is closed with `closeCodes.unread`: by default one message and 1 MiB. */
  readonly maxUnreadBytes?: number;
  readonly onConnection: (connection: Connection<Incoming, Outgoing>) => void;
  /** What is answered over HTTP; nothing but the WebSocket when absent. */
  readonly routes?: RouteTable;
  /** Who may connect and ask; without, everybody who reaches the port. */
  readonly tokens?: TokenBook | null;
  /** Whether, on loopback, who shows no token may watch and steer. */
  readonly isOpenHere?: boolean;
  /** The certificate to show; plain text without. */
  readonly tls?: ServerTls | null;
  /** Told of each peer that is refused before it has a connection: where it is, and why. */
  readonly onRefused?: (remote: string, reason: string) => void;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting, and resolves when every connection has ended; those that linger are cut. */
  close(): Promise<void>;
}

const DEFAULT_MAX_STRANGERS = 256;
/** Sockets that have not asked for anything yet; as many more may be closing. */
const MAX_UNASKED = 2_048;
/** A message may come in so many frames; Convoy's own come in one, and a proxy may cut them. */
const MAX_FRAMES_PER_MESSAGE = 1_024;
/** Pieces of this size may wait on average; smaller ones are merged, see small-pieces.ts. */
const SMALLEST_PIECE_BYTES = 256;
const LEAST_PIECES = 1_024;
/** How long `ws` waits for the end of what it closes by itself: the types lack it. */
const CLOSE_TIMEOUT = { closeTimeout: CLOSE_GRACE_MS };

/**
 * Accepts WebSocket connections, and answers HTTP requests on the same port. Until `admit` is called on it a connection is a stranger's:
 * it may send little, and there are few of them.
 * @throws OperatorError when the address can't be bound.
 */
export async function listen<Incoming, Outgoing>(options: ListenOptions<Incoming, Outgoing>): Promise<Listener> {
  const { host, port, maxStrangers = DEFAULT_MAX_STRANGERS, tokens = null, tls = null } = options;
  const { routes = new RouteTable(), isOpenHere = false, onRefused = () => {} } = options;
  const room = shareOut(affordableSockets(), { connections: options.maxConnections, strangers: maxStrangers });
  const gate = new Gate({ tokens, isLocal: isLoopback(host), isOpenHere, onRefused });
  const http = httpServer({ gate, routes, tls, room, onRefused });
  const server = webSocketServer(options.maxMessageBytes);
  const accept = accepting(options, room);
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const verdict = gate.judge(request, 'worker');
    if (verdict.refused !== null) return refuseUpgrade(socket, verdict.refused);
    server.handleUpgrade(request, socket, head, (webSocket) => accept(webSocket, request, verdict.caller));
  });
  return { ...(await bind(http, host, port)), close: () => closeAll(http, server) };
}

/** What becomes of a connection that may be made. */
function accepting<Incoming, Outgoing>(
  {
    codec,
    onConnection,
    maxMessageBytes,
    incoming = DEFAULT_INCOMING_LIMITS,
    ...options
  }: ListenOptions<Incoming, Outgoing>,
  room: { readonly connections: number; readonly strangers: number },
): (socket: WebSocket, request: IncomingMessage, caller: Caller) => void {
  const { maxUnreadBytes = maxMessageBytes + 1024 * 1024, tokens = null } = options;
  const strangers = new Strangers(room.strangers);
  const holders = tokens === null ? null : new TokenHolders(tokens);
  let admitted = 0;
  return (socket, request, { remote, origin, token }) => {
    request.socket.setNoDelay(true);
    const connection: SocketConnection<Incoming, Outgoing> = new SocketConnection(socket, codec, {
      remote,
      origin,
      maxUnreadBytes,
      bytesHeard: () => request.socket.bytesRead,
      guard: {
        raw: request.socket,
        limits: new IncomingLimits(performance.now(), incoming),
        onAdmitted() {
          strangers.forget(connection);
          admitted++;
          void connection.closed.then(() => admitted--);
        },
      },
    });
    if (admitted >= room.connections) {
      connection.cut(closeCodes.full, `this server takes ${room.connections} connections`);
      return;
    }
    strangers.take(connection);
    if (token !== null) holders?.add(connection, token);
    onConnection(connection);
  };
}

function webSocketServer(maxMessageBytes: number): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    // The connection answers pings itself.
    autoPong: false,
    maxPayload: maxMessageBytes,
    maxFragments: MAX_FRAMES_PER_MESSAGE,
    maxBufferedChunks: Math.max(LEAST_PIECES, Math.ceil(maxMessageBytes / SMALLEST_PIECE_BYTES)),
    ...CLOSE_TIMEOUT,
  });
}

/** Asks everybody to leave, and cuts those that linger. */
async function closeAll(http: Server, server: WebSocketServer): Promise<void> {
  server.close();
  for (const socket of server.clients) socket.close(closeCodes.goingAway, 'the server is stopping');
  await unbind(http, () => {
    for (const socket of server.clients) socket.terminate();
  });
}

/** Divides the sockets that a process can afford; where they are plenty, everybody gets what is wanted. */
export function shareOut(affordable: number, wanted: { readonly connections: number; readonly strangers: number }) {
  const eighth = Math.max(1, Math.floor(affordable / 8));
  const unasked = Math.min(MAX_UNASKED, eighth);
  const strangers = Math.min(wanted.strangers, eighth);
  const connections = Math.max(1, Math.min(wanted.connections, affordable - strangers - 2 * unasked));
  return { connections, strangers, unasked, sockets: connections + strangers + 2 * unasked };
}
