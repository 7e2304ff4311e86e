import { closeCodes, type Closure } from './connection.ts';

/** Undecoded messages between the socket's events and the one loop that reads them. */
export class Inbox<Incoming> {
  readonly #decode: (bytes: Uint8Array) => Incoming;
  readonly #refuse: (code: number, reason: string) => void;
  readonly #recycle: (bytes: Uint8Array) => void;
  readonly #queue: Uint8Array[] = [];
  #wake: (() => void) | null = null;
  #ended = false;
  /** A message was refused: what follows it is not read. */
  #refused = false;
  readonly closed: Promise<Closure>;
  #resolveClosed!: (closure: Closure) => void;

  /**
   * @param refuse closes the connection: called when a message does not decode.
   * @param recycle is given a message's bytes once the next message is asked for.
   */
  constructor(
    decode: (bytes: Uint8Array) => Incoming,
    refuse: (code: number, reason: string) => void,
    recycle: (bytes: Uint8Array) => void = () => {},
  ) {
    this.#decode = decode;
    this.#refuse = refuse;
    this.#recycle = recycle;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  push(bytes: Uint8Array): void {
    if (this.#ended || this.#refused) return;
    this.#queue.push(bytes);
    this.#notify();
  }

  end(closure: Closure): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#resolveClosed(closure);
    this.#notify();
  }

  async *messages(): AsyncGenerator<Incoming, void, undefined> {
    for (;;) {
      const bytes = this.#queue.shift();
      if (bytes !== undefined) {
        let message: Incoming;
        try {
          message = this.#decode(bytes);
        } catch (error) {
          this.#refused = true;
          this.#queue.length = 0;
          this.#refuse(closeCodes.malformed, (error as Error).message);
          return;
        }
        yield message;
        this.#recycle(bytes);
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
