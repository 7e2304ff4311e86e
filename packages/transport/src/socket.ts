import type { WebSocket } from 'ws';
import { closeCodes, type Closure, type Codec, type Connection } from './connection.ts';
import { Inbox } from './inbox.ts';
import { MessageBuffers } from './message-buffers.ts';

/** Time for the peer to answer a close frame before the socket is cut. */
const CLOSE_GRACE_MS = 2_000;
/** A close frame's reason holds at most this many bytes of UTF-8 (RFC 6455, 5.5). */
const MAX_REASON_BYTES = 123;

/** Of all connections in this thread: each needs one only between a message's arrival and its reading. */
const messageBuffers = new MessageBuffers();

/** A WebSocket as a {@link Connection}: one binary frame per message. */
export class SocketConnection<Incoming, Outgoing> implements Connection<Incoming, Outgoing> {
  readonly remote: string;
  readonly #socket: WebSocket;
  readonly #codec: Codec<Incoming, Outgoing>;
  readonly #inbox: Inbox<Incoming>;
  readonly #bytesHeard: () => number;
  #bytesSent = 0;
  #bytesReceived = 0;
  /** What this side closed with: says more than the peer's echo. */
  #closedHere: Closure | null = null;

  /** @param bytesHeard what the socket beneath has read so far. */
  constructor(socket: WebSocket, remote: string, codec: Codec<Incoming, Outgoing>, bytesHeard: () => number) {
    this.remote = remote;
    this.#bytesHeard = bytesHeard;
    this.#socket = socket;
    this.#codec = codec;
    this.#inbox = new Inbox(
      codec.decode,
      (code, reason) => this.close(code, reason),
      (bytes) => messageBuffers.give(bytes),
    );
    messageBuffers.serve(socket);
    let failure: Error | null = null;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#bytesReceived += data.byteLength;
      if (isBinary) this.#inbox.push(data);
      else this.close(closeCodes.malformed, 'text frame: messages are binary');
    });
    socket.on('error', (error) => (failure = error));
    socket.on('close', (code, reason) => {
      this.#inbox.end(
        this.#closedHere ?? { code, reason: reason.toString() || (failure?.message ?? 'connection lost') },
      );
    });
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get bytesHeard(): number {
    return this.#bytesHeard();
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get closed(): Promise<Closure> {
    return this.#inbox.closed;
  }

  send(message: Outgoing): void {
    this.sendEncoded(this.#codec.encode(message));
  }

  sendEncoded(bytes: Uint8Array): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#bytesSent += bytes.byteLength;
    // A failed write is followed by 'close', which is where it is dealt with.
    this.#socket.send(bytes, { binary: true }, () => {});
  }

  close(code: number, reason: string): void {
    if (this.#closedHere !== null || this.#socket.readyState >= this.#socket.CLOSING) return;
    this.#closedHere = { code, reason };
    this.#socket.close(code, cutToBytes(reason, MAX_REASON_BYTES));
    const cut = setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS);
    void this.closed.then(() => clearTimeout(cut));
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
