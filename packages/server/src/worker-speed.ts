/** Weight of the newest result. */
const NEWEST = 0.2;

/** How fast a worker computes, as it says itself: a mean in which what is long past counts little. */
export class WorkerSpeed {
  #samples = 0;
  #ms = 0;

  note(samples: number, computeMs: number): void {
    this.#samples += NEWEST * (samples - this.#samples);
    this.#ms += NEWEST * (computeMs - this.#ms);
  }

  /** Null before its first result. */
  get samplesPerSecond(): number | null {
    return this.#ms > 0 ? (1_000 * this.#samples) / this.#ms : null;
  }
}
