/** The time, and a way to be called again: a test brings its own. */
export interface Clock {
  /** Milliseconds since the Unix epoch; never goes back. */
  now(): number;
  /** The same with fractions, for what takes less than a millisecond. */
  exact(): number;
  /** Calls back once after `delayMs` unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The machine's clock and timers: the wall clock's time at the start, and monotonic from there. */
export const systemClock: Clock = {
  now: () => Math.round(systemClock.exact()),
  exact: () => performance.timeOrigin + performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
