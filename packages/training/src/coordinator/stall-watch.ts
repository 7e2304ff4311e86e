import { rootOf } from '@convoy/numerics/blocks';
import type { Task } from './events.ts';

/** How long nothing has come in, and when that is worth a word: later than any healthy worker takes, then ever more rarely. */
export class StallWatch {
  readonly #stallAfterMs: number;
  /** When a leaf came in last, or the task was opened. */
  #progressAtMs = -Infinity;
  #reports = 0;

  constructor(stallAfterMs: number) {
    this.#stallAfterMs = stallAfterMs;
  }

  restart(nowMs: number): void {
    this.#progressAtMs = nowMs;
    this.#reports = 0;
  }

  /** So much time does not count. */
  forgive(ms: number): void {
    this.#progressAtMs += ms;
  }

  /** @param usualMs what a leaf usually takes; while nobody has done one yet, nobody knows how long that is. */
  dueAtMs({ leaves }: Task, usualMs: number | undefined): number {
    const healthyMs = usualMs === undefined ? 6 * this.#stallAfterMs : 2 * usualMs * rootOf(leaves).size;
    return this.#progressAtMs + Math.max(this.#stallAfterMs, healthyMs) * 2 ** Math.min(this.#reports, 30);
  }

  /** A word is said now. @returns for how long nothing has come in. */
  report(nowMs: number): number {
    this.#reports++;
    return nowMs - this.#progressAtMs;
  }
}
