import type { RunFact } from '@convoy/protocol/run-events';

/** Facts that anybody who reaches the port can cause as often as he likes. */
export type StrangerFact = Extract<RunFact, { type: 'connection-closed' | 'worker-rejected' }>;

/** Facts of this kind that are told per second. */
const TOLD_PER_SECOND = 10;

/** Tells what strangers do, and when they do it in floods, how much: a log must not grow as fast as somebody can connect. */
export class StrangerLog {
  readonly #report: (fact: RunFact) => void;
  #sinceMs = -Infinity;
  #told = 0;
  #untold = 0;

  constructor(report: (fact: RunFact) => void) {
    this.#report = report;
  }

  note(fact: StrangerFact, nowMs: number): void {
    this.tick(nowMs);
    if (this.#told < TOLD_PER_SECOND) {
      this.#told++;
      this.#report(fact);
    } else this.#untold++;
  }

  /** Sums up a second that is over: to be called about once a second. */
  tick(nowMs: number): void {
    if (nowMs - this.#sinceMs < 1_000) return;
    this.#sinceMs = nowMs;
    this.#told = 0;
    if (this.#untold === 0) return;
    const remote = `${this.#untold} ${this.#untold === 1 ? 'other' : 'others'}`;
    this.#untold = 0;
    this.#report({ type: 'connection-closed', remote, reason: 'so many at once are not told one by one' });
  }
}
