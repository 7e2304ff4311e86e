/** Failed attempts that an address may make: so many at once, and one more in so many milliseconds. */
export interface FailureLimitOptions {
  readonly burst: number;
  readonly everyMs: number;
}

const DEFAULT_FAILURE_LIMITS: FailureLimitOptions = { burst: 10, everyMs: 10_000 };
/** Addresses that are remembered; the one that failed longest ago makes room. */
const MAX_ADDRESSES = 4_096;

/** Counts the requests of each address that were refused for their token. */
export class FailureLimits {
  readonly #options: FailureLimitOptions;
  /** When each address will have no failure to its account any more, in the order of the last failure. */
  readonly #clearAtMs = new Map<string, number>();

  constructor(options = DEFAULT_FAILURE_LIMITS) {
    this.#options = options;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#clearAtMs.size;
  }

  /**
   * Notes that a request from an address was refused.
   * @returns the seconds for which that address should leave off, or null while it may go on.
   */
  note(origin: string, nowMs: number): number | null {
    const { burst, everyMs } = this.#options;
    const clearAtMs = Math.max(nowMs, this.#clearAtMs.get(origin) ?? nowMs) + everyMs;
    const excessMs = clearAtMs - nowMs - burst * everyMs;
    this.#clearAtMs.delete(origin);
    // Who goes on is not punished longer: the count stands still at the limit.
    this.#clearAtMs.set(origin, Math.min(clearAtMs, nowMs + burst * everyMs));
    if (this.#clearAtMs.size > MAX_ADDRESSES) this.#clearAtMs.delete(this.#clearAtMs.keys().next().value!);
    return excessMs > 0 ? Math.ceil(excessMs / 1_000) : null;
  }
}
