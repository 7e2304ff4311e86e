import { expect, test } from 'vitest';
import { WorkerClock } from './clock-offset.ts';

/** A worker's clock that shows something else than the server's, and goes too fast. */
function workerTime(ms: number, { aheadMs = 5_000, drift = 0 } = {}): number {
  return ms + aheadMs + drift * ms;
}

/** Asks at `ms`: the question takes `there`, the worker thinks for a while, and the answer takes `back`. */
function ask(clock: WorkerClock, ms: number, there: number, back: number, about = {}): void {
  const [heard, answered] = [ms + there, ms + there + 700];
  clock.note({
    askedMs: ms,
    heardMs: workerTime(heard, about),
    answeredMs: workerTime(answered, about),
    receivedMs: answered + back,
  });
}

/** A fraction from 0 to 1, the same every time. */
function* chance(): Generator<number> {
  for (let seed = 1; ; seed = (seed * 48_271) % 2_147_483_647) yield seed / 2_147_483_647;
}

test('nothing is known of a clock before a round trip', () => {
  expect(new WorkerClock().at(0)).toBeNull();
});

test('the truth lies within the uncertainty, however lopsided the line is', () => {
  const clock = new WorkerClock();
  ask(clock, 1_000, 40, 0);
  expect(clock.at(1_000)!.offsetMs).toBe(5_020);
  expect(clock.at(1_000)!.uncertaintyMs).toBeCloseTo(20, 1);
  ask(clock, 2_000, 1, 3);
  expect(clock.at(2_000)!.offsetMs).toBe(4_999);
  expect(clock.at(2_000)!.uncertaintyMs).toBeCloseTo(2, 1);
  // A longer trip tells less.
  ask(clock, 3_000, 0, 500);
  expect(clock.at(3_000)!.offsetMs).toBe(4_999);
});

test('over hours of drift the estimate follows the clock and stays within its uncertainty', () => {
  const clock = new WorkerClock();
  const random = chance();
  const about = { aheadMs: -1e9, drift: 5e-5 };
  for (let ms = 0; ms < 4 * 3_600_000; ms += 1_000) {
    ask(clock, ms, 30 * random.next().value!, 30 * random.next().value!, about);
    if (ms % 60_000 !== 59_000) continue;
    const { offsetMs, uncertaintyMs } = clock.at(ms)!;
    expect(Math.abs(offsetMs - (workerTime(ms, about) - ms))).toBeLessThanOrEqual(uncertaintyMs);
    expect(uncertaintyMs).toBeLessThan(16);
  }
});

test('a round trip that can’t have been tells nothing', () => {
  const clock = new WorkerClock();
  clock.note({ askedMs: 100, heardMs: 0, answeredMs: 5_000, receivedMs: 101 });
  clock.note({ askedMs: 100, heardMs: 9, answeredMs: 8, receivedMs: 101 });
  expect(clock.at(100)).toBeNull();
});
