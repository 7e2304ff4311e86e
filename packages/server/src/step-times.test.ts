import { expect, test } from 'vitest';
import { MAX_ARRIVALS, StepTimes } from './step-times.ts';

/** A step that began at 1,000 ms, and whose results came in so many milliseconds later from those workers. */
function timesOf(...results: readonly (readonly [rank: number, atMs: number, computeMs?: number])[]): StepTimes {
  const times = new StepTimes();
  times.workerJoined(0);
  times.opened(1_000);
  for (const [rank, atMs, computeMs = 50] of results) {
    times.taken({ rank, atMs: 1_000 + atMs, computeMs, samples: 8 });
  }
  return times;
}

test('a step computes until its last result is in, and the rest is the server’s turn', () => {
  const times = timesOf([0, 80], [1, 90], [0, 200.26, 150], [1, 400, 300]);
  times.spent('sendMs', 1_000, 1_003);
  times.spent('sumMs', 1_080, 1_081);
  times.spent('sumMs', 1_400, 1_402.04);
  times.committing(1_402);
  times.lap('normMs', 1_404);
  times.lap('updateMs', 1_412);
  expect(times.timing(1_412.5)).toEqual({
    ...{ firstMs: 80, allMs: 400, waitMs: 200, serverMs: 12.5 },
    ...{ sendMs: 3, sumMs: 3, normMs: 2, updateMs: 8 },
    arrivals: [
      [0, 80, 50, 8],
      [1, 90, 50, 8],
      [0, 200, 150, 8],
      [1, 400, 300, 8],
    ],
  });
});

test('nobody waits for the only worker', () => {
  expect(timesOf([0, 80], [0, 200]).timing(1_210)).toMatchObject({ firstMs: 80, allMs: 200, waitMs: 0 });
});

test('what a worker says it computed is no more than there was', () => {
  expect(timesOf([0, 80, 1e300]).timing(1_210).arrivals).toEqual([[0, 80, 80, 8]]);
});

test('a wait for the first worker is no part of the first step', () => {
  const times = new StepTimes();
  times.opened(1_000);
  times.workerJoined(61_000);
  times.taken({ rank: 0, atMs: 61_040, computeMs: 30, samples: 8 });
  expect(times.timing(61_050)).toMatchObject({ firstMs: 40, allMs: 40, arrivals: [[0, 40, 30, 8]] });
});

test('a step that begins again has only what came after that', () => {
  const times = timesOf([0, 80], [1, 90]);
  times.opened(2_000);
  times.taken({ rank: 1, atMs: 2_030, computeMs: 20, samples: 8 });
  expect(times.timing(2_031)).toMatchObject({ allMs: 30, waitMs: 0, sumMs: 0, arrivals: [[1, 30, 20, 8]] });
});

test('more results than an event has room for are one entry a worker, with the last arrival and sums', () => {
  const results = Array.from({ length: 3 * 20 }, (_, i) => [i % 20, 100 + i, 30] as const);
  const { arrivals } = timesOf(...results).timing(2_000);
  expect(arrivals).toEqual(Array.from({ length: 20 }, (_, rank) => [rank, 140 + rank, 90, 24, 3]));
});

test('of more workers than an event has room for, it has those that came in last', () => {
  const results = Array.from({ length: 1_000 }, (_, rank) => [rank, rank + 1] as const);
  const { arrivals, waitMs } = timesOf(...results).timing(3_000);
  expect(arrivals.map(([rank]) => rank)).toEqual(
    Array.from({ length: MAX_ARRIVALS }, (_, i) => 1_000 - MAX_ARRIVALS + i),
  );
  expect(waitMs).toBe(1);
});
