import { expect, it } from 'vitest';
import type { RunPlan } from '@convoy/training/sampling';
import { LayerWatch } from './layer-watch.ts';

const TENSORS = [
  { name: 'conv/kernel', shape: [1, 1, 1, 2], offset: 0, size: 2 },
  { name: 'conv/bias', shape: [2], offset: 2, size: 2 },
];
const planOf = (totalSteps: number, validationSamples = 1): RunPlan => ({
  ...{ trainSamples: 8, validationSamples, testSamples: 1, stepsPerEpoch: 1, totalSteps },
});
const stepAt = (step: number) => ({
  ...{ step, tally: { samples: 2, lossSum: 1, metricSum: 1 }, gradientNorm: 1, epochEnd: null },
  gradient: Float32Array.of(2, 0, 0, 0),
  before: Float32Array.of(3, 4, 0, 0),
  after: Float32Array.of(3, 4.5, 0, 0),
});

it('measures the first step and every fifth of a short run, and 400 of a long one', () => {
  const countOf = (totalSteps: number) => {
    const watch = new LayerWatch(TENSORS, planOf(totalSteps));
    return Array.from({ length: totalSteps }, (_, n) => watch.committed(stepAt(n + 1))).flat().length;
  };
  expect([countOf(20), countOf(2_000), countOf(100_000)]).toEqual([5, 401, 401]);
});

it('tells the norms of each layer, over all that it trains', () => {
  expect(new LayerWatch(TENSORS, planOf(20)).committed(stepAt(5))).toEqual([
    { type: 'layers', step: 5, layers: [{ name: 'conv', weights: 5, gradient: 1, update: 0.5 }] },
  ]);
});

it('tells at a validation what the first filters and the weights are like, and at the test of a run without one', () => {
  const values = Float32Array.of(-1, 1, 0, 0.5);
  const facts = new LayerWatch(TENSORS, planOf(20)).evaluated('validation', 7, values);
  expect(facts).toMatchObject([
    { type: 'filters', step: 7, layer: 'conv', width: 1, height: 1, count: 2, low: -1, high: 1, pixels: 'AP8=' },
    { type: 'layers', step: 7, layers: [{ name: 'conv', weights: 1.5, histogram: { from: -1, to: 1, sum: 0.5 } }] },
  ]);
  expect(new LayerWatch(TENSORS, planOf(20)).evaluated('test', 7, values)).toEqual([]);
  expect(new LayerWatch(TENSORS, planOf(20, 0)).evaluated('test', 7, values)).toEqual(facts);
});

it('has no histogram of what is not finite', () => {
  const facts = new LayerWatch(TENSORS, planOf(20)).evaluated('validation', 7, new Float32Array(4).fill(NaN));
  expect(facts).toEqual([{ type: 'layers', step: 7, layers: [{ name: 'conv', weights: NaN }] }]);
});
