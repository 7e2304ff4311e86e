import type { PeerSession, WorkerConnection } from './session.ts';

/** Bytes on the wire, of connections that are and of those that were. */
export class Traffic {
  readonly #ended = { received: 0, sent: 0 };
  #accounted = { received: 0, sent: 0 };

  connectionEnded({ bytesReceived, bytesSent }: WorkerConnection): void {
    this.#ended.received += bytesReceived;
    this.#ended.sent += bytesSent;
  }

  /** Bytes since the last call. */
  newBytes(open: Iterable<PeerSession>): { readonly bytesReceived: number; readonly bytesSent: number } {
    const total = { ...this.#ended };
    for (const { connection } of open) {
      total.received += connection.bytesReceived;
      total.sent += connection.bytesSent;
    }
    const before = this.#accounted;
    this.#accounted = total;
    return { bytesReceived: total.received - before.received, bytesSent: total.sent - before.sent };
  }
}
