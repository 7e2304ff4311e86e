import { placeArchitecture, type Architecture, type Model } from '@convoy/model/architecture';
import { initialValues } from '@convoy/model/initial-values';
import type { TrainedModel } from './trained-model.ts';

/** A layer of every type, a branch, two layers of one class, and no input like CIFAR-10's. */
const SMALL: Architecture = [
  { type: 'input', name: 'image', shape: [6, 9, 2] },
  { type: 'conv2d', name: 'stem', filters: 4, kernelSize: 3, activation: 'linear', useBias: false },
  { type: 'max-pooling2d', name: 'pool', poolSize: 2 },
  { type: 'batch-normalization', name: 'norm', momentum: 0.9, epsilon: 1e-2 },
  { type: 'activation', name: 'relu', activation: 'relu' },
  { type: 'conv2d', name: 'branch', filters: 4, kernelSize: 3, activation: 'relu' },
  { type: 'add', name: 'sum', with: 'relu' },
  { type: 'conv2d', name: 'wide', filters: 5, kernelSize: 1, activation: 'gelu' },
  { type: 'flatten', name: 'flat' },
  { type: 'dense', name: 'hidden', units: 7, activation: 'relu' },
  { type: 'dropout', name: 'drop', rate: 0.5 },
  { type: 'dense', name: 'classes', units: 3, activation: 'softmax' },
];

/** As `SMALL`, with the pooling that it can't have before a flatten. */
const POOLED: Architecture = [
  SMALL[0]!,
  SMALL[1]!,
  { type: 'average-pooling2d', name: 'means', poolSize: 2 },
  { type: 'global-average-pooling2d', name: 'mean' },
  { type: 'dense', name: 'classes', units: 3, activation: 'softmax' },
];

export const small = trainedModel('small', placeArchitecture(SMALL));
export const pooled = trainedModel('pooled', placeArchitecture(POOLED));

/** A model whose tensors are all different, statistics too, so that none can stand in for another unnoticed. */
export function trainedModel(name: string, model: Model): TrainedModel {
  const values = initialValues(model, 7);
  for (const { name: tensor, offset, size } of model.tensors) {
    if (tensor.endsWith('/kernel')) continue;
    const isFactor = tensor.endsWith('/gamma') || tensor.endsWith('/moving_variance');
    // Multiples of the golden ratio spread evenly over [0, 1), from another point on for every tensor.
    for (let i = 0; i < size; i++) values[offset + i] = ((1 + offset + i) * 0.618034) % 1;
    for (let i = offset; i < offset + size; i++) values[i]! += isFactor ? 0.5 : -0.5;
  }
  const classNames = Array.from({ length: model.outputs }, (_, n) => `class ${n}`);
  const origin = { run: 'test-run', step: 3, parametersSha256: 'a'.repeat(64), classNames, input: 'value / 255' };
  return { name, model, values, origin };
}
