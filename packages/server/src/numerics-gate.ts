/** How long the workers of one arithmetic may take for a block while others wait; for the same arithmetic each time twice as long. */
const PATIENCE_MS = 10_000;
/** Fingerprints of which is remembered how often they were tried. */
const MAX_REMEMBERED = 1_024;

/**
 * Whose arithmetic a deterministic run has. Nobody knows it before the first step is applied: until then the workers of one
 * fingerprint compute at a time and the others wait, so that neither who came first nor who claims something decides, but who computes.
 */
export class NumericsGate {
  readonly #isDeterministic: boolean;
  #bound: string | null;
  /** Those with this fingerprint compute at present; null while nobody does. */
  #trying: string | null = null;
  #progressAtMs = 0;
  /** How often workers of a fingerprint gave nothing in time. */
  readonly #failures = new Map<string, number>();

  /** @param bound the arithmetic that a resumed run began with. */
  constructor(isDeterministic: boolean, bound: string | null) {
    this.#isDeterministic = isDeterministic;
    this.#bound = bound;
  }

  /** The arithmetic that is in the parameters; null before a step was applied. */
  get bound(): string | null {
    return this.#bound;
  }

  /** What becomes of a worker that is ready. A run that isn't deterministic takes any arithmetic. */
  judge(fingerprint: string): 'join' | 'wait' | 'refuse' {
    if (!this.#isDeterministic) return 'join';
    if (this.#bound !== null) return fingerprint === this.#bound ? 'join' : 'refuse';
    return this.#trying === null || fingerprint === this.#trying ? 'join' : 'wait';
  }

  /** A worker joined: with the first the time of its like begins. */
  joined(fingerprint: string, nowMs: number): void {
    if (!this.#isDeterministic || this.#bound !== null || this.#trying !== null) return;
    this.#trying = fingerprint;
    this.#progressAtMs = nowMs;
  }

  /** A block was taken into a sum. */
  progressed(nowMs: number): void {
    this.#progressAtMs = nowMs;
  }

  /** A step was applied. @returns whether that decided whose arithmetic the run has. */
  bind(): boolean {
    if (this.#bound !== null || this.#trying === null) return false;
    this.#bound = this.#trying;
    return true;
  }

  /** None of those who were trying is there any more. @returns whether another arithmetic may have its turn. */
  free(): boolean {
    if (this.#bound !== null || this.#trying === null) return false;
    this.#trying = null;
    return true;
  }

  /** Whether those who compute have given nothing for too long, if others wait: they have to give way. */
  isOverdue(nowMs: number): boolean {
    const trying = this.#bound === null ? this.#trying : null;
    if (trying === null) return false;
    const failures = this.#failures.get(trying) ?? 0;
    if (nowMs - this.#progressAtMs < PATIENCE_MS * 2 ** Math.min(failures, 20)) return false;
    this.#failures.set(trying, failures + 1);
    if (this.#failures.size > MAX_REMEMBERED) this.#failures.delete(this.#failures.keys().next().value!);
    return true;
  }
}
