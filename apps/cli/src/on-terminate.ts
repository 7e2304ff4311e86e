/**
 * So long after a SIGTERM another one is the same order. Slurm and systemd signal every process of a job or unit, and the launcher passes on
 * what it got.
 */
export const ONE_ORDER_MS = 2_000;

/** Calls back for each order to end: a SIGTERM that arrives twice is one. @param now milliseconds of a clock that never goes back. */
export function onTerminate(callback: () => void, now: () => number = () => performance.now()): void {
  let lastMs = -Infinity;
  process.on('SIGTERM', () => {
    const ms = now();
    if (ms - lastMs < ONE_ORDER_MS) return;
    lastMs = ms;
    callback();
  });
}
