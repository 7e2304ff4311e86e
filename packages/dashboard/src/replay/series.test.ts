import { expect, test } from 'vitest';
import { bucketed, smoothed, StepSeries, STEP_QUANTITIES, type StepQuantity } from './series.ts';

const STEPS = 100_000;

function figures(loss: number): Record<StepQuantity, number> {
  return { ...(Object.fromEntries(STEP_QUANTITIES.map((name) => [name, 0])) as Record<StepQuantity, number>), loss };
}

test('100,000 steps are drawn as buckets that keep every peak and every dip', () => {
  const series = new StepSeries();
  for (let step = 1; step <= STEPS; step++) series.add(step, figures(step === 31_415 ? 99 : step === 92_653 ? -99 : 1));
  const { steps, low, high, mean } = bucketed(series.steps, series.values('loss'), 1_000);
  expect(steps.length).toBe(1_000);
  expect([steps[0], steps.at(-1)]).toEqual([100, STEPS]);
  expect([high[314], low[926]]).toEqual([99, -99]);
  expect(high.filter((value) => value !== 1).length + low.filter((value) => value !== 1).length).toBe(2);
  expect(mean[0]).toBe(1);
});

test('what is zoomed into has its own buckets, each step one where there is room', () => {
  const series = new StepSeries();
  for (let step = 1; step <= STEPS; step++) series.add(step, figures(step));
  const [from, to] = [series.indexAfter(50_000), series.indexAfter(50_010)];
  const { steps, low, high } = bucketed(series.steps, series.values('loss'), 1_000, from, to);
  expect([...steps]).toEqual([50001, 50002, 50003, 50004, 50005, 50006, 50007, 50008, 50009, 50010]);
  expect(low).toEqual(high);
});

test('figures that are not finite leave gaps and spoil no average', () => {
  const { low, high, mean } = bucketed(Float64Array.of(1, 2, 3, 4), Float64Array.of(NaN, 2, NaN, Infinity), 2);
  expect([[...low], [...high], [...mean]]).toEqual([
    [2, NaN],
    [2, NaN],
    [2, NaN],
  ]);
  expect([...smoothed(Float64Array.of(4, NaN, 4), 0.9)].map((value) => +value.toFixed(9))).toEqual([4, NaN, 4]);
});

test('an average begins at the first figure and keeps its share of what was', () => {
  const [first, second] = smoothed(Float64Array.of(10, 20), 0.5);
  expect(first).toBe(10);
  expect(second).toBeCloseTo((0.25 * 10 + 0.5 * 20) / 0.75, 12);
});

test('steps that are done again take the place of those before', () => {
  const series = new StepSeries();
  for (let step = 1; step <= 10; step++) series.add(step, figures(step));
  series.takeBack(7);
  series.add(8, figures(-8));
  expect([...series.steps]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(series.values('loss').at(-1)).toBe(-8);
});
