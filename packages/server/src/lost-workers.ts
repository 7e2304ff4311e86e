import type { WorkerId } from '@convoy/training/coordinator/events';
import type { Clock } from './clock.ts';

/** Remembered at most: anybody can connect under a new name and be lost, again and again. */
const MAX_LOST = 1_024;

/** Workers whose connection broke and that have not come back: when a run ends, they don't know it yet. */
export class LostWorkers {
  readonly #clock: Clock;
  /** When each was lost, in that order. */
  readonly #lostAtMs = new Map<WorkerId, number>();
  #everybodyIsBack = () => {};

  /** @param leftBehind those of a server that is gone: they look for this one. */
  constructor(clock: Clock, leftBehind: Iterable<WorkerId> = []) {
    this.#clock = clock;
    for (const id of leftBehind) this.lost(id);
  }

  lost(id: WorkerId): void {
    this.#lostAtMs.delete(id);
    this.#lostAtMs.set(id, this.#clock.now());
    if (this.#lostAtMs.size > MAX_LOST) this.#lostAtMs.delete(this.#lostAtMs.keys().next().value!);
  }

  back(id: WorkerId): void {
    if (this.#lostAtMs.delete(id) && this.#lostAtMs.size === 0) this.#everybodyIsBack();
  }

  /** How many were lost within the last `ms`; those before them are not coming any more, and are forgotten. */
  within(ms: number): number {
    const sinceMs = this.#clock.now() - ms;
    for (const [id, atMs] of this.#lostAtMs) if (atMs < sinceMs) this.#lostAtMs.delete(id);
    return this.#lostAtMs.size;
  }

  /** Resolves when all are back that were lost within the last `ms`, or after `ms`. */
  async returned(ms: number): Promise<void> {
    if (this.within(ms) === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(ms, resolve);
      this.#everybodyIsBack = () => {
        cancel();
        resolve();
      };
    });
  }
}
