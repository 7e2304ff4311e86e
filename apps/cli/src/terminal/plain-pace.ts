/** Told step by step at first: whoever has started it wants to see that it works. */
const FIRST_STEPS = 3;
const [LEAST_MS, MOST_MS] = [5_000, 30_000];
/** A run that has taken so many times as long has a line. */
const SHARE_OF_TIME = 1 / 20;

/** When a log that nobody watches gets another line about progress: at the first steps, and then the more rarely the longer it takes. */
export class PlainPace {
  #steps = 0;
  #beganAtMs: number | null = null;
  #lastMs = -Infinity;

  /** Whether a line is due at this time; then it counts as written. */
  isDue(nowMs: number): boolean {
    this.#beganAtMs ??= nowMs;
    const everyMs = Math.min(MOST_MS, Math.max(LEAST_MS, SHARE_OF_TIME * (nowMs - this.#beganAtMs)));
    if (nowMs - this.#lastMs < everyMs) return false;
    this.#lastMs = nowMs;
    return true;
  }

  /** The same for the line of another step. */
  isStepDue(nowMs: number): boolean {
    this.#steps++;
    if (this.#steps > FIRST_STEPS) return this.isDue(nowMs);
    this.#beganAtMs ??= nowMs;
    this.#lastMs = nowMs;
    return true;
  }
}
