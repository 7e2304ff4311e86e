/**
 * One peer, whatever carries the bytes. Messages arrive in the order in which they were sent, whole, or not at all.
 * Decoding failures are the peer's fault: the connection closes with `closeCodes.malformed` and the iteration ends.
 */
export interface Connection<Incoming, Outgoing> extends AsyncIterable<Incoming> {
  /** For people: address and port, or "memory". */
  readonly remote: string;
  readonly bytesSent: number;
  /** Bytes of whole messages. */
  readonly bytesReceived: number;
  /** Bytes that have arrived on the wire, of unfinished messages too: grows while the peer lives and has something to say. */
  readonly bytesHeard: number;
  /** Bytes accepted by `send` and not yet handed to the operating system. */
  readonly bufferedBytes: number;
  /** Settles once, when nothing more will arrive or leave. Never rejects. */
  readonly closed: Promise<Closure>;
  /** Encodes and queues a message. On a closed connection it does nothing. */
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
  /** A message was larger than any valid one: `ws` sends it. */
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
  /** Too many connections. */
  full: 4006,
  /** The worker lives, but has not delivered its lease for several deadlines. */
  hung: 4007,
  /** The worker returned values that no honest computation gives. */
  poisonous: 4008,
  /** The same worker is here on a newer connection. */
  superseded: 4009,
} as const;
