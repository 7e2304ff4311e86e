/** Recent times per leaf, in milliseconds: what is usual, and how much it varies. */
export class Pace {
  readonly #capacity: number;
  readonly #times: number[] = [];
  #next = 0;
  #figures: { readonly median: number; readonly spread: number } | null = null;

  /** @param capacity how many of the newest times count. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get count(): number {
    return this.#times.length;
  }

  add(msPerLeaf: number): void {
    this.#times[this.#next] = msPerLeaf;
    this.#next = (this.#next + 1) % this.#capacity;
    this.#figures = null;
  }

  /** Undefined before the first time. */
  get median(): number | undefined {
    return this.#times.length === 0 ? undefined : this.#compute().median;
  }

  /**
   * How long `leaves` leaves may take before the one who computes them counts as slow: median + 4 · MAD, at least twice the
   * median and at least `minMs`; nothing is known before the first time, so it is `maxMs` then.
   * @param maxMs longest deadline, unless twice the median is longer.
   */
  deadlineMs(leaves: number, minMs: number, maxMs: number): number {
    if (this.#times.length === 0) return maxMs;
    const { median, spread } = this.#compute();
    return Math.max(minMs, 2 * median * leaves, Math.min(maxMs, (median + 4 * spread) * leaves));
  }

  #compute(): { readonly median: number; readonly spread: number } {
    if (this.#figures === null) {
      const median = medianOf(this.#times);
      this.#figures = { median, spread: medianOf(this.#times.map((time) => Math.abs(time - median))) };
    }
    return this.#figures;
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
