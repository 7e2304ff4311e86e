/** A question and its answer over a line: two times of the server's clock, and between them two of the worker's (ms). */
export interface RoundTrip {
  readonly askedMs: number;
  readonly heardMs: number;
  readonly answeredMs: number;
  readonly receivedMs: number;
}

/** What a worker's clock shows more than the server's, and how far that may be wrong: the truth lies within. */
export interface ClockOffset {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
}

interface Sample extends ClockOffset {
  /** On the server's clock. */
  readonly atMs: number;
}

/** Clocks drift apart by so much of the time at most: quartz crystals do by a fifth of it. */
const DRIFT = 1e-4;
/** So many samples are remembered; of more, the newest. */
const MAX_SAMPLES = 512;

/**
 * Estimates a worker's clock from round trips, as NTP does (RFC 5905): whatever a message's way takes there and back, the offset lies
 * within half of the sum. Short trips tell most, and old ones less and less.
 */
export class WorkerClock {
  #samples: Sample[] = [];

  /** How many round trips were measured. */
  measured = 0;

  /** One that can't have been is left out: the worker makes up its half of it. */
  note({ askedMs, heardMs, answeredMs, receivedMs }: RoundTrip): void {
    const tripMs = receivedMs - askedMs - (answeredMs - heardMs);
    if (!(tripMs >= 0 && answeredMs >= heardMs)) return;
    this.measured++;
    const offsetMs = (heardMs - askedMs + (answeredMs - receivedMs)) / 2;
    this.#samples.push({ offsetMs, uncertaintyMs: tripMs / 2, atMs: (askedMs + receivedMs) / 2 });
    if (this.#samples.length > 2 * MAX_SAMPLES) this.#samples = this.#samples.slice(-MAX_SAMPLES);
  }

  /** The best estimate for a moment on the server's clock; null before the first round trip. */
  at(ms: number): ClockOffset | null {
    let best: ClockOffset | null = null;
    for (const { offsetMs, uncertaintyMs, atMs } of this.#samples) {
      const withDrift = uncertaintyMs + DRIFT * Math.abs(ms - atMs);
      if (best === null || withDrift < best.uncertaintyMs) best = { offsetMs, uncertaintyMs: withDrift };
    }
    return best;
  }
}
