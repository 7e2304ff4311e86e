import { closeCodes, type Closure } from './connection.ts';

/** What is asked of a connection to be kept among strangers. */
export interface Stranger {
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
   * Keeps a newcomer. When there are too many, the oldest that has said nothing is closed for it: who has something to say
   * says it at once, so a thousand silent ones keep nobody out.
   * @returns false when all have spoken; the newcomer is closed.
   */
  take(newcomer: Stranger): boolean {
    if (this.#all.size >= this.limit) {
      const silent = this.#oldestSilent();
      const leaving = silent ?? newcomer;
      this.forget(leaving);
      leaving.cut(closeCodes.full, `this server takes ${this.limit} connections that it does not know`);
      if (silent === null) return false;
    }
    this.#all.add(newcomer);
    void newcomer.closed.then(() => this.forget(newcomer));
    return true;
  }

  forget(stranger: Stranger): void {
    this.#all.delete(stranger);
  }

  #oldestSilent(): Stranger | null {
    for (const stranger of this.#all) if (stranger.bytesReceived === 0) return stranger;
    return null;
  }
}
