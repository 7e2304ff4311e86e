import { expect, test } from 'vitest';
import type { RunFact } from '@convoy/protocol/run-events';
import { Replay } from './replay.ts';

const norms = (step: number, weights: number | null): RunFact => ({
  ...{ type: 'layers', step },
  layers: [
    { name: 'conv', weights: weights as number, gradient: 0.5, update: 0.1 },
    { name: 'dense', weights: 3, gradient: 0, update: 0.3 },
  ],
});
const filters = (step: number): RunFact => ({
  ...{ type: 'filters', step, layer: 'conv', width: 1, height: 1, channels: 1, total: 1, count: 1, low: 0, high: 0 },
  pixels: 'AA==',
});
const histograms = (step: number, count: number): RunFact => ({
  ...{ type: 'layers', step },
  layers: [{ name: 'conv', weights: 2, histogram: { from: 0, to: 1, counts: [count], sum: 1, sumOfSquares: 1 } }],
});
const back: RunFact = {
  ...{ type: 'rolled-back', fromStep: 20, toStep: 10, kind: 'collapsed', since: 12, learningRateFactor: 0.5 },
};

function layersOf(...facts: readonly RunFact[]) {
  const replay = new Replay();
  for (const [at, fact] of facts.entries()) replay.readLine(JSON.stringify({ at, ...fact }));
  return replay.layers;
}

test('norms are those of each layer at the steps at which they were measured, without zeros and what is not finite', () => {
  const layers = layersOf(norms(5, 2), norms(10, null), norms(20, 4));
  expect([layers.steps, layers.names]).toEqual([[5, 10, 20], ['conv', 'dense']]); // prettier-ignore
  expect(layers.valuesOf(0, 'weights')).toEqual([2, null, 4]);
  expect(layers.valuesOf(0, 'ratio')).toEqual([0.05, null, 0.025]);
  expect(layers.valuesOf(1, 'gradient')).toEqual([null, null, null]);
});

test('what was validated has its histograms and the filters of the same step; a run that goes back does it again', () => {
  const layers = layersOf(
    ...[norms(5, 2), filters(10), histograms(10, 7), histograms(15, 1), norms(20, 2), filters(20), histograms(20, 8)],
    ...[back, filters(20), histograms(20, 9)],
  );
  expect(layers.steps).toEqual([5]);
  expect(layers.validated).toMatchObject([
    { step: 10, filters: { step: 10 }, histograms: [{ name: 'conv', histogram: { counts: [7] } }] },
    { step: 20, filters: { step: 20 }, histograms: [{ name: 'conv', histogram: { counts: [9] } }] },
  ]);
});
