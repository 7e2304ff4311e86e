import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** `up` is from the worker to the server. */
export type Direction = 'up' | 'down';

interface Watch {
  readonly direction: Direction;
  readonly atBytes: number;
  readonly callback: () => void;
}

/**
 * A TCP relay between one worker and its server that knows how many bytes have gone by, so that a test can act at a byte: when
 * half of a gradient is through. What arrives after the byte waits until the callback has returned.
 */
export class Wire {
  readonly url: string;
  readonly #server: Server;
  readonly #watches: Watch[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #bytes = { up: 0, down: 0 };

  private constructor(server: Server) {
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /**
   * A relay to the server on this machine's `port`.
   * @param together lets nobody through before so many have come.
   */
  static async to(port: number, { together = 1 } = {}): Promise<Wire> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const wire = new Wire(server);
    const waiting: Socket[] = [];
    let isOpen = false;
    server.on('connection', (socket) => {
      waiting.push(socket);
      isOpen ||= waiting.length >= together;
      if (!isOpen) return;
      for (const worker of waiting.splice(0)) {
        const target = connect(port, '127.0.0.1');
        wire.#relay(worker, target, 'up');
        wire.#relay(target, worker, 'down');
      }
    });
    return wire;
  }

  /** Calls back once when so many bytes have gone in a direction, over all connections. */
  at(direction: Direction, atBytes: number, callback: () => void): void {
    this.#watches.push({ direction, atBytes, callback });
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #relay(from: Socket, to: Socket, direction: Direction): void {
    this.#sockets.add(from);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.end();
    });
    from.on('data', (chunk: Buffer) => {
      this.#bytes[direction] += chunk.length;
      for (const watch of [...this.#watches]) {
        if (watch.direction !== direction || this.#bytes[direction] < watch.atBytes) continue;
        this.#watches.splice(this.#watches.indexOf(watch), 1);
        watch.callback();
      }
      if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
  }
}
