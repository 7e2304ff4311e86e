/**
 * One peer, whatever carries the bytes. Messages arrive in the order in which they were sent, whole, or not at all.
 * Decoding failures are the peer's fault: the connection closes with `closeCodes.malformed` and the iteration ends.
 */
export interface Connection<Incoming, Outgoing> extends AsyncIterable<Incoming> {
  /** For people: address and port, or "memory". */
  readonly remote: string;
  /** What the peer's misconduct belongs to, whatever it calls itself: its address without the port, and its token if it has shown one. */
  readonly origin: string;
  /** Both ends are in one process: silence says nothing, since compute blocks the loop that would answer. */
  readonly isLocal: boolean;
  readonly bytesSent: number;
  /** Bytes of whole messages. */
  readonly bytesReceived: number;
  /** Bytes that have arrived on the wire, of unfinished messages too: grows while the peer lives and has something to say. */
  readonly bytesHeard: number;
  /** Bytes accepted by `send` and not yet handed to the operating system. */
  readonly bufferedBytes: number;
  /** Settles once, when nothing more will arrive or leave. Never rejects. */
  readonly closed: Promise<Closure>;
  /** The peer is known: it is no longer one of the strangers, of whom `listen` takes few, and who may send little. */
  admit(): void;
  /**
   * How large a message may come next, from now on. Where a listener accepted the connection, it is little until this is
   * called: what nobody waits for needs no memory. The listener's own limit holds all the same.
   */
  expect(maxBytes: number): void;
  /** The message that was read last had been asked for: it does not count as one of too many. */
  excuse(): void;
  /**
   * Encodes and queues a message. On a closed connection it does nothing. A peer that leaves too much of what it was sent
   * unread is closed with `closeCodes.unread`.
   */
  send(message: Outgoing): void;
  /** Queues bytes that were encoded once for several peers. They must not change until they are sent. */
  sendEncoded(bytes: Uint8Array): void;
  /** Sends what is queued, then closes. The reason is cut to what a close frame holds (123 bytes). */
  close(code: number, reason: string): void;
  /**
   * Iterates over incoming messages until the connection closes. One iteration per connection. A message's tensor is a view
   * of a buffer that is used again: it is valid until the next message is asked for, so copy what must last.
   */
  [Symbol.asyncIterator](): AsyncIterator<Incoming>;
}

/** Why a connection ended, as far as this side knows. */
export interface Closure {
  readonly code: number;
  readonly reason: string;
}

/** How a connection's two directions are read and written. */
export interface Codec<Incoming, Outgoing> {
  readonly encode: (message: Outgoing) => Uint8Array;
  /** Throws when the bytes are not a valid message. */
  readonly decode: (bytes: Uint8Array) => Incoming;
}

/** WebSocket close codes that Convoy sends: 1000s are the standard's, 4000s ours. Documented in docs/protocol.md. */
export const closeCodes = {
  /** The conversation is over and both know it. */
  normal: 1000,
  /** This side is stopping. */
  goingAway: 1001,
  /** Bytes that are not a frame of WebSocket: `ws` sends it. */
  notWebSocket: 1002,
  /** A close frame's reason was not UTF-8: `ws` sends it. */
  notUtf8: 1007,
  /** A message in too many pieces: `ws` sends it. */
  shredded: 1008,
  /** A message was larger than any valid one, or than this peer may send now. */
  tooLarge: 1009,
  /** The server sent `reject`. */
  rejected: 4001,
  /** A message could not be decoded or had a wrong field. */
  malformed: 4002,
  /** A valid message at a moment when it means nothing, e.g. a result before `ready`. */
  unexpected: 4003,
  /** No `hello`, or no `ready`, within the time allowed. */
  handshakeTimeout: 4004,
  /** Nothing was heard for longer than the liveness limit. */
  silent: 4005,
  /** Too many connections, or too many that nobody knows yet. */
  full: 4006,
  /** The worker lives, but has not delivered its lease for several deadlines. */
  hung: 4007,
  /** The worker returned values that no honest computation gives. */
  poisonous: 4008,
  /** The same worker is here on a newer connection. */
  superseded: 4009,
  /** More messages than a worker has anything to say. */
  flooding: 4010,
  /** The peer does not read what it is sent. */
  unread: 4011,
} as const;
