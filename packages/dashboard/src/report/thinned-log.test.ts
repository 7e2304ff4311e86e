import { expect, test } from 'vitest';
import { thinnedLog } from './thinned-log.ts';

const step = (number: number, loss: number | null) =>
  JSON.stringify({
    ...{ at: number, type: 'step', step: number, epoch: 0, samples: 8, loss, accuracy: (number % 7) / 7 },
    ...{ gradientNorm: 1 + (number % 11), stepMs: 10 + (number % 13) },
  });
const log = (count: number) => Array.from({ length: count }, (_, n) => step(n + 1, n === 4_321 ? 99 : 2 + (n % 5)));
const stepsOf = (lines: readonly string[]) => lines.map((line) => (JSON.parse(line) as { step: number }).step);

test('a log with few steps is kept as it is', () => {
  const lines = [...log(500), 'no event', step(501, null)];
  expect(thinnedLog(lines, { steps: 501, ofAKind: 10 })).toEqual({ lines, steps: 501, keptSteps: 501 });
});

test('of many steps those with the least and the greatest figures remain, and the last, in their order', () => {
  const { lines, steps, keptSteps } = thinnedLog(log(10_000), { steps: 900, ofAKind: 10 });
  expect([steps, keptSteps]).toEqual([10_000, lines.length]);
  expect(lines.length).toBeLessThanOrEqual(900);
  expect(stepsOf(lines)).toEqual(stepsOf(lines).toSorted((a, b) => a - b));
  expect(stepsOf(lines)).toContain(4_322);
  expect(stepsOf(lines).at(-1)).toBe(10_000);
  expect(thinnedLog(log(10_000), { steps: 900, ofAKind: 10 }).lines).toEqual(lines);
});

test('of every other kind the newest remain', () => {
  const memory = (at: number) => JSON.stringify({ at, type: 'memory' });
  const lines = [
    step(1, 2),
    ...Array.from({ length: 50 }, (_, n) => memory(n)),
    step(2, 1),
    '{"at":51,"type":"run-ended"}',
  ];
  const kept = thinnedLog(lines, { steps: 10, ofAKind: 3 }).lines;
  expect(kept).toEqual([step(1, 2), memory(47), memory(48), memory(49), step(2, 1), '{"at":51,"type":"run-ended"}']);
});
