import { expect, test } from 'vitest';
import { curveOf } from './curve.ts';
import { StepSeries } from './series.ts';

const series = new StepSeries();
for (let step = 1; step <= 100; step++) {
  series.add(step, {
    ...{ loss: step, metric: 0, learningRate: 0, gradientNorm: 0, samplesPerSecond: 0, elapsedMs: 0 },
    ...{ computingMs: 0, waitingMs: 0, serverMs: 0, bytesReceived: 0, bytesSent: 0 },
  });
}
const validations = [30, 55, 90].map((step) => ({ step, epoch: 0, elapsedMs: 0, loss: step / 10, metric: 0 }));

test('validations stand at their own steps between the buckets, and where nothing was measured is a gap', () => {
  const curve = curveOf(series, 'loss', { from: 1, to: 100, count: 10, smoothing: 0, validations });
  expect(curve.steps).toEqual([10, 20, 30, 40, 50, 55, 60, 70, 80, 90, 100]);
  expect(curve.validations.filter((value) => value !== null)).toEqual([3, 5.5, 9]);
  expect([curve.low[0], curve.high[0], curve.mean[0]]).toEqual([1, 10, 5.5]);
  expect([curve.low[5], curve.validations[5]]).toEqual([null, 5.5]);
  expect(curve.smooth).toEqual(curve.mean);
});

test('a part of the run has the steps around it too, so that its line leads out of the picture', () => {
  const curve = curveOf(series, 'loss', { from: 50, to: 60, count: 600, smoothing: 0, validations });
  expect(curve.steps).toEqual([49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61]);
  expect(curve.validations.filter((value) => value !== null)).toEqual([5.5]);
});

test('a run without a step has an empty curve', () => {
  expect(curveOf(new StepSeries(), 'loss', { from: 1, to: 2, count: 600, smoothing: 0.9 }).steps).toEqual([]);
});
