import type { Clock } from './server.ts';

/** The machine's clock and timers. The time never goes back: it is the wall clock's at the start, and monotonic from there. */
export const systemClock: Clock = {
  now: () => Math.round(performance.timeOrigin + performance.now()),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
