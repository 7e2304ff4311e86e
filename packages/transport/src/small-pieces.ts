import type { WebSocket } from 'ws';

/** Pieces that may wait for the rest of their frame before the newest are merged. */
const MAX_WAITING = 512;
/** How many are merged into one: each byte is copied once per power of this number in the frame's length. */
const MERGED = 256;

/** The part of ws's receiver (ws/lib/receiver.js, version pinned) that keeps what the socket delivered. */
interface Receiver {
  readonly _buffers: Buffer[];
  _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void;
}

/**
 * Has ws merge small pieces of a frame while it waits for the rest. A slow proxy may deliver a frame byte by byte: each byte would be
 * an object of its own, so that ws gives up after some thousand. Merged, a frame takes the memory of its bytes, however it came.
 * @param socket open, or not yet connected.
 */
export function mergeSmallPieces(socket: WebSocket): void {
  if (socket.readyState === socket.CONNECTING) socket.once('open', () => mergeSmallPieces(socket));
  const receiver = (socket as unknown as { readonly _receiver?: Receiver })._receiver;
  if (typeof receiver?._write !== 'function' || !Array.isArray(receiver._buffers)) return;
  const write = receiver._write.bind(receiver);
  receiver._write = (chunk, encoding, callback) => {
    const waiting = receiver._buffers;
    if (waiting.length >= MAX_WAITING) waiting.push(Buffer.concat(waiting.splice(-MERGED)));
    write(chunk, encoding, callback);
  };
}
