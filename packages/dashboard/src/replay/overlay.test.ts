import { expect, test } from 'vitest';
import type { RunFact } from '@convoy/protocol/run-events';
import { lastPlace, overlay, type OverlayOptions } from './overlay.ts';
import { Replay } from './replay.ts';

/** A run that began waiting for 5 s for its worker; then a step takes so long. */
function runOf(steps: number, { stepsPerEpoch = 10, stepMs = 100, loss = (step: number) => step } = {}): Replay {
  const replay = new Replay();
  let at = 0;
  const tell = (fact: RunFact) => replay.readLine(JSON.stringify({ at, ...fact }));
  tell({
    ...{ type: 'run-started', run: 'r', incarnation: 'i', totalSteps: steps, stepsPerEpoch },
    ...{ trainSamples: 1, validationSamples: 1, testSamples: 1, parameterCount: 1 },
  });
  at += 5_000;
  tell({ type: 'worker-joined', workerId: 'w', rank: 0, name: 'n', engine: 'e', workers: 1 });
  for (let step = 1; step <= steps; step++) {
    at += stepMs;
    const epoch = Math.floor((step - 1) / stepsPerEpoch);
    tell({
      ...{ type: 'step', step, epoch, samples: 1, loss: loss(step), accuracy: 0.5, learningRate: 1, gradientNorm: 1 },
      ...{ workers: 1, stepMs, busyShare: 1, bytesReceived: 0, bytesSent: 0 },
    });
    if (step % stepsPerEpoch !== 0) continue;
    const figures = { samples: 1, loss: loss(step) / 2, accuracy: 0.5, seconds: 0 };
    tell({ type: 'evaluated', purpose: 'validation', step, epoch, ...figures });
  }
  return replay;
}

const options: OverlayOptions = { quantity: 'loss', axis: 'step', from: 1, to: 40, count: 10, smoothing: 0 };
const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null);

test('runs share their places, and a bucket keeps its least and greatest figure', () => {
  const peak = (step: number) => (step === 7 ? 99 : step === 13 ? -99 : 1);
  const { places, curves } = overlay([runOf(40, { loss: peak }), runOf(20, { stepsPerEpoch: 20 })], options);
  expect(places).toEqual([4, 8, 10, 12, 16, 20, 24, 28, 30, 32, 36, 40]);
  expect([known(curves[0]!.high), known(curves[0]!.low)]).toEqual([
    [1, 99, 1, 1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, -99, 1, 1, 1, 1, 1, 1],
  ]);
  expect(known(curves[1]!.smooth)).toEqual([2.5, 6.5, 10.5, 14.5, 18.5]);
  expect(curves.map(({ validations }) => known(validations).length)).toEqual([4, 1]);
});

test('by epochs and by time, runs of other lengths and paces stand where they were', () => {
  const fast = runOf(20);
  const slow = runOf(10, { stepsPerEpoch: 5, stepMs: 300 });
  expect([lastPlace([fast, slow], 'step'), lastPlace([fast, slow], 'epoch')]).toEqual([20, 2]);
  // Waiting for workers is no part of the time.
  expect([lastPlace([fast], 'time'), lastPlace([slow], 'time'), lastPlace([], 'time')]).toEqual([2, 3, 0]);
  const byEpoch = overlay([fast, slow], { ...options, axis: 'epoch', from: 0, to: 2, count: 400 });
  const validated = byEpoch.places.filter((_, index) => byEpoch.curves[0]!.validations[index] !== null);
  expect(validated).toEqual([1, 2]);
  const byTime = overlay([fast, slow], { ...options, axis: 'time', from: 0, to: 3, count: 400 });
  expect(byTime.places.filter((_, index) => byTime.curves[1]!.validations[index] !== null)).toEqual([1.5, 3]);
  expect(known(byTime.curves[1]!.smooth)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('a part has the step before it and the one after, and every step where there is room', () => {
  const { places, curves } = overlay([runOf(40)], { ...options, from: 21, to: 24, count: 400 });
  expect(places).toEqual([20, 21, 22, 23, 24, 25]);
  expect(curves[0]!.smooth).toEqual([20, 21, 22, 23, 24, 25]);
});

test('a run without a step has an empty curve', () => {
  expect(overlay([new Replay()], options)).toMatchObject({ places: [], curves: [{ smooth: [] }] });
});
