import { closeCodes, type Closure } from './connection.ts';

/** What is asked of a connection to be kept among strangers. */
export interface Stranger {
  /** Address and port. */
  readonly remote: string;
  readonly bytesReceived: number;
  readonly closed: Promise<Closure>;
  cut(code: number, reason: string): void;
}

/** Connections that nobody knows yet, in the order in which they came: anybody can make them, so there are not many. */
export class Strangers {
  readonly limit: number;
  readonly #all = new Set<Stranger>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.#all.size;
  }

  /**
   * Keeps a newcomer. When there are too many, one is closed for it: the oldest that has said nothing, for who has something
   * to say says it at once; when all have spoken, the oldest from the address that has the most. So neither a thousand
   * silent ones nor a thousand that talk without end keep anybody out.
   */
  take(newcomer: Stranger): void {
    if (this.#all.size >= this.limit) {
      const leaving = this.#oldestSilent() ?? this.#oldestOfTheMost();
      this.forget(leaving);
      leaving.cut(closeCodes.full, `this server takes ${this.limit} connections that it does not know`);
    }
    this.#all.add(newcomer);
    void newcomer.closed.then(() => this.forget(newcomer));
  }

  forget(stranger: Stranger): void {
    this.#all.delete(stranger);
  }

  #oldestSilent(): Stranger | null {
    for (const stranger of this.#all) if (stranger.bytesReceived === 0) return stranger;
    return null;
  }

  #oldestOfTheMost(): Stranger {
    const byAddress = new Map<string, Stranger[]>();
    for (const stranger of this.#all) {
      const address = stranger.remote.slice(0, stranger.remote.lastIndexOf(':'));
      byAddress.set(address, [...(byAddress.get(address) ?? []), stranger]);
    }
    return [...byAddress.values()].reduce((most, group) => (group.length > most.length ? group : most))[0]!;
  }
}
