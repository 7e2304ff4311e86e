import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { printable } from '@convoy/protocol/messages';
import { closeCodes, type Closure, type Codec, type Connection } from './connection.ts';
import { Inbox } from './inbox.ts';
import type { IncomingLimits } from './incoming-limits.ts';
import { MessageBuffers } from './message-buffers.ts';
import { mergeSmallPieces } from './small-pieces.ts';

/** Time for the peer to answer a close frame before the socket is cut. */
export const CLOSE_GRACE_MS = 2_000;
/** A close frame's reason holds at most this many bytes of UTF-8 (RFC 6455, 5.5). */
const MAX_REASON_BYTES = 123;

/** Messages that a peer may leave unread: small ones take more memory than their bytes. */
const MAX_UNREAD_MESSAGES = 1_024;
const UNREAD = 'it does not read what it is sent';

/** What `ws` closes a connection with by itself; anything else that it finds wrong is `notWebSocket`. */
const codesOfErrors: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: closeCodes.notUtf8,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: closeCodes.shredded,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: closeCodes.tooLarge,
};

/** How a connection that anybody may have made is watched. */
export interface Guard {
  /** The socket beneath, of which `ws` reads. */
  readonly raw: Socket;
  readonly limits: IncomingLimits;
  readonly onAdmitted: () => void;
}

export interface SocketOptions {
  readonly remote: string;
  readonly origin: string;
  /** A peer that leaves more than this unread is closed with `closeCodes.unread`. */
  readonly maxUnreadBytes: number;
  /** What the socket beneath has read so far. */
  readonly bytesHeard: () => number;
  /** Null where this side chose the peer. */
  readonly guard: Guard | null;
}

/** Buffers for all connections in this thread: each needs one only between a message's arrival and its reading. */
const messageBuffers = new MessageBuffers();

/** A WebSocket as a {@link Connection}: one binary frame per message. */
export class SocketConnection<Incoming, Outgoing> implements Connection<Incoming, Outgoing> {
  readonly remote: string;
  readonly origin: string;
  readonly isLocal = false;
  readonly #socket: WebSocket;
  readonly #codec: Codec<Incoming, Outgoing>;
  readonly #inbox: Inbox<Incoming>;
  readonly #options: SocketOptions;
  #bytesSent = 0;
  #bytesReceived = 0;
  /** What this side closed with: says more than the peer's echo. */
  #closedHere: Closure | null = null;
  /** Messages that the operating system has not taken yet. */
  #unsent = 0;
  /** What arrives is thrown away. */
  #isCut = false;

  constructor(socket: WebSocket, codec: Codec<Incoming, Outgoing>, options: SocketOptions) {
    this.remote = options.remote;
    this.origin = options.origin;
    this.#socket = socket;
    this.#codec = codec;
    this.#options = options;
    this.#inbox = new Inbox(
      codec.decode,
      (code, reason) => this.cut(code, reason),
      (bytes) => messageBuffers.give(bytes),
    );
    messageBuffers.serve(socket);
    mergeSmallPieces(socket);
    let failure: Error | null = null;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (this.#isCut) return;
      this.#bytesReceived += data.byteLength;
      if (isBinary) this.#inbox.push(data);
      else this.cut(closeCodes.malformed, 'text frame: messages are binary');
    });
    if (options.guard !== null) this.#watch(options.guard);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = error;
      // What `ws` finds wrong it closes by itself.
      if (!error.code?.startsWith('WS_ERR_')) return;
      this.#closedHere ??= { code: codesOfErrors[error.code] ?? closeCodes.notWebSocket, reason: error.message };
    });
    socket.on('close', (code, reason) => {
      this.#inbox.end(
        this.#closedHere ?? { code, reason: printable(reason.toString()) || (failure?.message ?? 'connection lost') },
      );
    });
  }

  #watch({ raw, limits }: Guard): void {
    const check = (fault: Closure | null) => {
      if (fault !== null && !this.#isCut) this.cut(fault.code, fault.reason);
    };
    const count = () => check(limits.faultOfFrequency(performance.now()));
    // After the one by which `ws` reads, which has taken the messages out that are whole.
    raw.on('data', () => check(limits.faultOfBytes(raw.bytesRead)));
    this.#socket.on('message', () => {
      limits.messageIsWhole(raw.bytesRead);
      count();
    });
    this.#socket.on('ping', (data: Buffer) => {
      count();
      this.#pong(data);
    });
    this.#socket.on('pong', count);
  }

  /** A peer that pings and does not read is closed with a code, where `ws` would cut it without one. */
  #pong(data: Buffer): void {
    if (this.#isCut || this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#unsent >= MAX_UNREAD_MESSAGES) return this.cut(closeCodes.unread, UNREAD);
    this.#unsent++;
    this.#socket.pong(data, false, () => this.#unsent--);
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get bytesHeard(): number {
    return this.#options.bytesHeard();
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get closed(): Promise<Closure> {
    return this.#inbox.closed;
  }

  admit(): void {
    const { guard } = this.#options;
    guard?.limits.admit();
    guard?.onAdmitted();
  }

  expect(maxBytes: number): void {
    this.#options.guard?.limits.expect(maxBytes);
  }

  excuse(): void {
    this.#options.guard?.limits.excuse();
  }

  send(message: Outgoing): void {
    this.sendEncoded(this.#codec.encode(message));
  }

  sendEncoded(bytes: Uint8Array): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const unreadBytes = this.#socket.bufferedAmount + bytes.byteLength;
    if (unreadBytes > this.#options.maxUnreadBytes || this.#unsent >= MAX_UNREAD_MESSAGES) {
      return this.cut(closeCodes.unread, UNREAD);
    }
    this.#bytesSent += bytes.byteLength;
    this.#unsent++;
    // A failed write is followed by 'close', which is where it is dealt with.
    this.#socket.send(bytes, { binary: true }, () => this.#unsent--);
  }

  close(code: number, reason: string): void {
    if (this.#closedHere !== null || this.#socket.readyState >= this.#socket.CLOSING) return;
    this.#closedHere = { code, reason };
    this.#socket.close(code, cutToBytes(reason, MAX_REASON_BYTES));
    const cut = setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS);
    void this.closed.then(() => clearTimeout(cut));
  }

  /** Closes without listening any further: what a peer sends that is being closed for it needs no memory. */
  cut(code: number, reason: string): void {
    this.#isCut = true;
    this.close(code, reason);
    const raw = this.#options.guard?.raw;
    if (raw === undefined) return;
    // Read and thrown away: a socket closed with bytes unread is reset, and the peer might not see the close frame.
    raw.removeAllListeners('data');
    raw.resume();
    raw.end();
  }

  [Symbol.asyncIterator](): AsyncIterator<Incoming> {
    return this.#inbox.messages();
  }
}

function cutToBytes(text: string, limit: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= limit) return text;
  // A character cut in half decodes to U+FFFD, three bytes: leave room and drop it.
  return new TextDecoder().decode(bytes.subarray(0, limit - 3)).replace(/\uFFFD$/, '');
}
