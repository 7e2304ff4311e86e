import type { RunFact } from '@convoy/protocol/run-events';

/** How many facts are told one by one: so many at once, and so many per second in the long run. */
export interface PeerLogLimits {
  readonly burst: number;
  readonly perSecond: number;
}

/** Whoever reaches the port causes these. */
export const STRANGER_LIMITS: PeerLogLimits = { burst: 10, perSecond: 10 };
/** A large cluster starts, or loses its network, all at once. */
export const WORKER_LIMITS: PeerLogLimits = { burst: 500, perSecond: 10 };

/** Tells what peers do, and when they do it in floods, how much: a log must not grow as fast as somebody can connect. */
export class PeerLog {
  readonly #limits: PeerLogLimits;
  readonly #report: (fact: RunFact) => void;
  #tokens: number;
  #tokensAtMs = -Infinity;
  #untold = 0;
  #untoldSinceMs = 0;

  constructor(limits: PeerLogLimits, report: (fact: RunFact) => void) {
    this.#limits = limits;
    this.#report = report;
    this.#tokens = limits.burst;
  }

  note(fact: RunFact, nowMs: number): void {
    this.tick(nowMs);
    if (this.#tokens >= 1) {
      this.#tokens--;
      this.#report(fact);
      return;
    }
    if (this.#untold === 0) this.#untoldSinceMs = nowMs;
    this.#untold++;
  }

  /** Sums up what was not told for a second: to be called about as often. */
  tick(nowMs: number): void {
    const { burst, perSecond } = this.#limits;
    const passedMs = Math.min(nowMs - this.#tokensAtMs, (1_000 * burst) / perSecond);
    this.#tokens = Math.min(burst, this.#tokens + (passedMs * perSecond) / 1_000);
    this.#tokensAtMs = nowMs;
    if (this.#untold === 0 || nowMs - this.#untoldSinceMs < 1_000) return;
    const remote = `${this.#untold} ${this.#untold === 1 ? 'other' : 'others'}`;
    this.#untold = 0;
    this.#report({ type: 'connection-closed', remote, reason: 'so many at once are not told one by one' });
  }
}
