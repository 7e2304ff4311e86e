import type { Socket } from 'node:net';

/** Sockets that have not asked for anything yet. When there are too many, the oldest makes room: who has a request sends it at once. */
export class UnaskedSockets {
  readonly #limit: number;
  readonly #all = new Set<Socket>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  take(newcomer: Socket): void {
    if (this.#all.size >= this.#limit) {
      const [oldest] = this.#all;
      this.forget(oldest!);
      oldest!.destroy();
    }
    this.#all.add(newcomer);
    newcomer.once('close', () => this.forget(newcomer));
  }

  /** It asked for something, or it is gone. */
  forget(socket: Socket): void {
    this.#all.delete(socket);
  }
}
