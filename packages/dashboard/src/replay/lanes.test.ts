import { expect, test } from 'vitest';
import { lanesOf } from './lanes.ts';

test('steps lie one behind another, and each worker has its results where they came in, the last one marked', () => {
  const lanes = lanesOf([
    {
      ...{ step: 7, ms: 110, waitMs: 40, serverMs: 10 },
      arrivals: [
        [0, 30, 25, 8],
        [0, 60, 28, 8],
        [1, 100, 95, 16],
      ],
    },
    {
      ...{ step: 8, ms: 100, waitMs: 2, serverMs: 8 },
      arrivals: [
        [1, 90, 80, 16],
        [0, 92, 200, 48, 3],
      ],
    },
  ]);
  expect(lanes).toMatchObject({
    ms: 210,
    steps: [
      { step: 7, fromMs: 0, toMs: 110 },
      { step: 8, fromMs: 110, toMs: 210 },
    ],
  });
  const [first, second] = lanes.workers;
  expect(first!.results.map(({ step, fromMs, atMs, isLast }) => [step, fromMs, atMs, isLast])).toEqual([
    [7, 5, 30, false],
    [7, 32, 60, false],
    [8, 110, 202, true],
  ]);
  expect(first!.results[2]).toMatchObject({ results: 3, samples: 48, inStepMs: 92, byMs: 2 });
  expect(second!.results.map(({ atMs, isLast, byMs }) => [atMs, isLast, byMs])).toEqual([
    [100, true, 40],
    [200, false, 0],
  ]);
});

test('nobody is last who computed alone', () => {
  const [lane] = lanesOf([{ step: 1, ms: 60, waitMs: 0, serverMs: 10, arrivals: [[3, 50, 45, 8]] }]).workers;
  expect(lane).toMatchObject({ rank: 3, results: [{ isLast: false, fromMs: 5, atMs: 50 }] });
});
