import type { Socket } from 'node:net';

/** Sockets that have not asked for anything yet. When there are too many, the oldest makes room: who has a request sends it at once. */
export class UnaskedSockets {
  readonly #limit: number;
  /** By address and port: a TLS socket stands for the one beneath it. */
  readonly #all = new Map<string, Socket>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  take(newcomer: Socket): void {
    if (this.#all.size >= this.#limit) {
      const [oldest] = this.#all;
      const [key, socket] = oldest!;
      this.#all.delete(key);
      socket.destroy();
    }
    const key = keyOf(newcomer);
    this.#all.set(key, newcomer);
    newcomer.once('close', () => {
      if (this.#all.get(key) === newcomer) this.#all.delete(key);
    });
  }

  /** It asked for something. */
  forget(socket: Socket): void {
    this.#all.delete(keyOf(socket));
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
