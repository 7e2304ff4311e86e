import { type Closure, type Codec, type Connection } from './connection.ts';
import { Inbox } from './inbox.ts';

/**
 * Two connected ends in one process. Messages are encoded and decoded as on a socket, so neither end can see the other's
 * memory and a message that would not survive the wire doesn't survive here.
 */
export function memoryPair<A, B>(left: Codec<A, B>, right: Codec<B, A>): [Connection<A, B>, Connection<B, A>] {
  const a = new MemoryConnection(left);
  const b = new MemoryConnection(right);
  a.attach(b);
  b.attach(a);
  return [a, b];
}

class MemoryConnection<Incoming, Outgoing> implements Connection<Incoming, Outgoing> {
  readonly remote = 'memory';
  readonly origin = 'memory';
  readonly isLocal = true;
  bytesSent = 0;
  bytesReceived = 0;
  /** What is sent here is received whole, at once. */
  get bytesHeard(): number {
    return this.bytesReceived;
  }
  readonly bufferedBytes = 0;
  readonly #codec: Codec<Incoming, Outgoing>;
  readonly #inbox: Inbox<Incoming>;
  #peer: MemoryConnection<Outgoing, Incoming> | null = null;

  constructor(codec: Codec<Incoming, Outgoing>) {
    this.#codec = codec;
    this.#inbox = new Inbox(codec.decode, (code, reason) => this.close(code, reason));
  }

  attach(peer: MemoryConnection<Outgoing, Incoming>): void {
    this.#peer = peer;
  }

  get closed(): Promise<Closure> {
    return this.#inbox.closed;
  }

  /** Both ends are one process: there are no strangers here. */
  admit(): void {}

  expect(): void {}
  excuse(): void {}

  send(message: Outgoing): void {
    this.#deliver(this.#codec.encode(message));
  }

  sendEncoded(bytes: Uint8Array): void {
    this.#deliver(bytes.slice());
  }

  close(code: number, reason: string): void {
    const peer = this.#peer;
    this.#peer = null;
    this.#inbox.end({ code, reason });
    if (peer !== null) peer.close(code, reason);
  }

  [Symbol.asyncIterator](): AsyncIterator<Incoming> {
    return this.#inbox.messages();
  }

  #deliver(bytes: Uint8Array): void {
    if (this.#peer === null) return;
    this.bytesSent += bytes.byteLength;
    this.#peer.bytesReceived += bytes.byteLength;
    this.#peer.#inbox.push(bytes);
  }
}
