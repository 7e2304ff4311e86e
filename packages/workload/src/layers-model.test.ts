import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { placeArchitecture } from '@convoy/model/architecture';
import { architectureOf, isLayersModel } from './layers-model.ts';

const { conv2d, dense, flatten, maxPooling2d, averagePooling2d, dropout, batchNormalization, activation, reLU } =
  tf.layers;

describe('the layers of a model of TensorFlow.js', () => {
  it('are those of a sequential one, options and all', () => {
    const model = tf.sequential({
      layers: [
        conv2d({ inputShape: [28, 28, 1], filters: 8, kernelSize: 5, activation: 'relu', name: 'c1' }),
        maxPooling2d({ poolSize: 2, name: 'p1' }),
        conv2d({ filters: 16, kernelSize: 3, strides: 2, padding: 'same', activation: 'tanh', useBias: false, name: 'c2' }), // prettier-ignore
        batchNormalization({ momentum: 0.9, name: 'n2' }),
        reLU({ name: 'r2' }),
        dropout({ rate: 0.25, name: 'd2' }),
        averagePooling2d({ poolSize: [3, 3], name: 'p2' }),
        flatten({ name: 'flat' }),
        dense({ units: 10, activation: 'softmax', name: 'out' }),
      ],
    });
    expect(isLayersModel(model)).toBe(true);
    expect(architectureOf(model).slice(1)).toEqual([
      { type: 'conv2d', name: 'c1', filters: 8, kernelSize: 5, activation: 'relu', padding: 'valid' },
      { type: 'max-pooling2d', name: 'p1', poolSize: 2 },
      { type: 'conv2d', name: 'c2', filters: 16, kernelSize: 3, strides: 2, activation: 'tanh', useBias: false },
      { type: 'batch-normalization', name: 'n2', momentum: 0.9, epsilon: 1e-3 },
      { type: 'activation', name: 'r2', activation: 'relu' },
      { type: 'dropout', name: 'd2', rate: 0.25 },
      { type: 'average-pooling2d', name: 'p2', poolSize: 3 },
      { type: 'flatten', name: 'flat' },
      { type: 'dense', name: 'out', units: 10, activation: 'softmax' },
    ]);
    expect(architectureOf(model)[0]).toMatchObject({ type: 'input', shape: [28, 28, 1] });
    expect(placeArchitecture(architectureOf(model)).parameterCount).toBe(model.countParams());
  });

  it('are those of a functional one with a branch around two convolutions', () => {
    const input = tf.input({ shape: [8, 8, 3], name: 'image' });
    const first = conv2d({ filters: 4, kernelSize: 3, padding: 'same', name: 'first' }).apply(input);
    const inner = conv2d({ filters: 4, kernelSize: 3, padding: 'same', name: 'inner' }).apply(first);
    const sum = tf.layers.add({ name: 'sum' }).apply([inner, first] as tf.SymbolicTensor[]);
    const mean = tf.layers.globalAveragePooling2d({ name: 'mean' }).apply(sum);
    const logits = dense({ units: 3, name: 'logits' }).apply(mean);
    const output = activation({ activation: 'softmax', name: 'classes' }).apply(logits) as tf.SymbolicTensor;
    const model = tf.model({ inputs: input, outputs: output });
    const architecture = architectureOf(model);
    expect(architecture.map(({ name }) => name)).toEqual(['image', 'first', 'inner', 'sum', 'mean', 'logits']);
    expect(architecture[3]).toEqual({ type: 'add', name: 'sum', with: 'first' });
    expect(architecture.at(-1)).toMatchObject({ type: 'dense', activation: 'softmax' });
    expect(placeArchitecture(architecture).parameterCount).toBe(model.countParams());
  });

  const image = { inputShape: [8, 8, 1] };
  it.each([
    {
      title: 'a layer that Convoy has not',
      layers: () => [tf.layers.lstm({ inputShape: [4, 2], units: 3, name: 'memory' })],
      message: /^memory is a LSTM, which Convoy does not train; it does Conv2D, Dense/,
    },
    {
      title: 'a regularizer',
      layers: () => [dense({ inputShape: [4], units: 2, kernelRegularizer: 'l1l2', name: 'd' })],
      message: 'd has a kernelRegularizer that Convoy does not train with: leave it at its default',
    },
    {
      title: 'an activation that Convoy has not',
      layers: () => [dense({ inputShape: [4], units: 2, activation: 'elu', name: 'd' })],
      message: 'd has the activation elu; Convoy has relu, sigmoid, tanh, and softmax at the end',
    },
    {
      title: 'an oblong kernel',
      layers: () => [conv2d({ ...image, filters: 2, kernelSize: [3, 5], name: 'c' })],
      message: 'c has a kernelSize of 3 × 5; both must be the same',
    },
    {
      title: 'windows that overlap',
      layers: () => [maxPooling2d({ ...image, poolSize: 3, strides: 2, name: 'p' })],
      message: 'p has a strides that Convoy does not train with: leave it at its default',
    },
    {
      title: 'an input of any length',
      layers: () => [conv2d({ inputShape: [null, null, 1], filters: 2, kernelSize: 3, name: 'c' })],
      message: /must have an input of a fixed shape$/,
    },
    {
      title: 'a softmax behind no dense layer',
      layers: () => [flatten({ ...image, name: 'f' }), activation({ activation: 'softmax', name: 's' })],
      message: 's must come behind a Dense without an activation',
    },
  ])('refuse $title, by name', ({ layers, message }) => {
    expect(() => architectureOf(tf.sequential({ layers: layers() }))).toThrow(message);
  });

  it('refuse a branch that nothing adds', () => {
    const input = tf.input({ shape: [4] });
    const left = dense({ units: 2, name: 'left' }).apply(input) as tf.SymbolicTensor;
    const right = dense({ units: 2, name: 'right' }).apply(input) as tf.SymbolicTensor;
    const output = tf.layers.concatenate({ name: 'both' }).apply([left, right]) as tf.SymbolicTensor;
    expect(() => architectureOf(tf.model({ inputs: input, outputs: output }))).toThrow(
      /the only branches are those of an Add$/,
    );
  });
});
