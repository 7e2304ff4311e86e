import type { WebSocket } from 'ws';

/** Below this `ws` is left alone: small buffers are cheap, and most messages are small. */
const LARGE_BYTES = 256 * 1024;
/** Room to grow: messages of one kind differ by some bytes. */
const SLACK_BYTES = 4096;
/** More than are ever in use at once, while connections are read one message at a time. */
const MAX_KEPT = 4;
const ALIGNMENT = 8;

/** The part of ws's receiver (ws/lib/receiver.js, version pinned) that puts a frame together from what the socket delivered. */
interface Receiver {
  /** Takes `bytes` bytes that have all arrived off the front. */
  consume(bytes: number): Buffer;
  /** What has arrived and was not taken yet. */
  readonly _buffers: readonly Buffer[];
}

/**
 * Buffers for large messages, used again: `ws` takes a new one for each, and some megabytes a step are soon a collection
 * per step, in the middle of the wait of all workers for their parameters.
 */
export class MessageBuffers {
  readonly #free: Buffer[] = [];
  readonly #inUse = new WeakMap<Uint8Array, Buffer>();

  /**
   * Has `socket` put its large frames together here. A `ws` that looks different inside keeps its own way.
   * @param socket open, or not yet connected.
   */
  serve(socket: WebSocket): void {
    if (socket.readyState === socket.CONNECTING) socket.once('open', () => this.serve(socket));
    const receiver = (socket as unknown as { readonly _receiver?: Receiver })._receiver;
    if (typeof receiver?.consume !== 'function' || !Array.isArray(receiver._buffers)) return;
    const consume = receiver.consume.bind(receiver);
    receiver.consume = (bytes) => {
      if (bytes < LARGE_BYTES) return consume(bytes);
      const message = this.#take(bytes);
      for (let at = 0; at < bytes;) {
        const piece = consume(Math.min(bytes - at, receiver._buffers[0]!.length));
        message.set(piece, at);
        at += piece.length;
      }
      return message;
    };
  }

  /** Takes a message back that nobody reads any more. One that is not from here is let go. */
  give(message: Uint8Array): void {
    const buffer = this.#inUse.get(message);
    if (buffer === undefined || !this.#inUse.delete(message)) return;
    if (this.#free.length < MAX_KEPT) this.#free.push(buffer);
  }

  /** The end of the view is aligned: there lies a message's tensor, and an aligned copy into shared memory is ten times as fast. */
  #take(bytes: number): Buffer {
    // The one used last, which lies in the cache.
    const at = this.#free.findLastIndex(({ length }) => length >= bytes + ALIGNMENT);
    const buffer = at === -1 ? Buffer.allocUnsafeSlow(bytes + SLACK_BYTES) : this.#free.splice(at, 1)[0]!;
    const start = (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT;
    const message = buffer.subarray(start, start + bytes);
    this.#inUse.set(message, buffer);
    return message;
  }
}
