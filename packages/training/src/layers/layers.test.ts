import { describe, expect, it } from 'vitest';
import type { TensorEntry } from '@convoy/protocol/tensor';
import { firstFilters } from './filters.ts';
import { histogramOf } from './histogram.ts';
import { joined, normsOfTensor, trainedLayers } from './tensor-norms.ts';

const entry = (name: string, offset: number, shape: readonly number[], momentum?: number): TensorEntry => ({
  ...{ name, offset, shape, size: shape.reduce((product, dimension) => product * dimension, 1) },
  ...(momentum === undefined ? {} : { momentum }),
});

describe('norms of layers', () => {
  const tensors = [
    entry('a/kernel', 0, [2]),
    entry('a/bias', 2, [1]),
    entry('n/gamma', 3, [1]),
    entry('n/mean', 4, [1], 0.9),
  ];

  it('are of what a layer trains, and not of its statistics', () => {
    const layers = trainedLayers(tensors).map(({ name, tensors: own }) => [name, own.map((each) => each.name)]);
    expect(layers).toEqual([
      ['a', ['a/kernel', 'a/bias']],
      ['n', ['n/gamma']],
    ]);
  });

  it('are of the weights before the step, of the mean gradient and of how far the step moved them', () => {
    const step = {
      gradient: Float32Array.of(6, 8, 4, 0, 0),
      samples: 2,
      before: Float32Array.of(3, 4, 12, 0, 0),
      after: Float32Array.of(3, 3, 12, 0, 0),
    };
    const norms = tensors.slice(0, 2).map((tensor) => normsOfTensor(tensor, step));
    expect(norms).toEqual([
      { weights: 5, gradient: 5, update: 1 },
      { weights: 12, gradient: 2, update: 0 },
    ]);
    expect(joined(norms)).toEqual({ weights: 13, gradient: Math.hypot(5, 2), update: 1 });
  });
});

describe('histogramOf', () => {
  it('counts every finite value in one bin, the greatest in the last', () => {
    const parts = [Float32Array.of(0, 1, 2, NaN, 3), Float32Array.of(4, Infinity)];
    expect(histogramOf(parts, 4)).toEqual({ from: 0, to: 4, counts: [1, 1, 1, 2], sum: 10, sumOfSquares: 30 });
  });

  it('has one bin for values that are all the same, and is nothing of none', () => {
    expect(histogramOf([Float32Array.of(2, 2)], 3)?.counts).toEqual([2, 0, 0]);
    expect(histogramOf([Float32Array.of(NaN)], 3)).toBeNull();
  });
});

describe('firstFilters', () => {
  it('has each filter as an image of its own, black for the least weight of all and white for the greatest', () => {
    // Height 1, width 2, one input, three filters.
    const tensors = [entry('conv/kernel', 1, [1, 2, 1, 3]), entry('conv/bias', 7, [3])];
    const values = Float32Array.of(9, -1, 0, 1, 1, 0, -1, 9, 9, 9);
    expect(firstFilters(tensors, values)).toEqual({
      ...{ layer: 'conv', width: 2, height: 1, channels: 1, total: 3, count: 3, low: -1, high: 1 },
      pixels: Uint8Array.of(0, 255, 128, 128, 255, 0),
    });
  });

  it('keeps the colours of filters on RGB, takes the mean of other channels, and at most 64 filters', () => {
    const rgb = firstFilters([entry('c/kernel', 0, [1, 1, 3, 1])], Float32Array.of(0, 1, 2));
    expect(rgb).toMatchObject({ channels: 3, pixels: Uint8Array.of(0, 128, 255) });
    const two = firstFilters(
      [entry('c/kernel', 0, [1, 1, 2, 100])],
      Float32Array.from({ length: 200 }, (_, n) => n),
    );
    expect(two).toMatchObject({ channels: 1, total: 100, count: 64, low: 50, high: 113 });
  });

  it('has none of a model that begins with anything else, or that is not finite', () => {
    expect(firstFilters([entry('dense/kernel', 0, [2, 2])], new Float32Array(4))).toBeNull();
    expect(firstFilters([entry('c/kernel', 0, [1, 1, 1, 1])], Float32Array.of(NaN))).toBeNull();
  });
});
