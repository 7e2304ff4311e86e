import { describe, expect, it } from 'vitest';
import { createOptimizer, DEFAULT_OPTIMIZERS } from '@convoy/training/optimizer/optimizer';
import { Parameters } from './parameters.ts';

/** Five trained values, so that the head's length is no multiple of a vector register's, and three statistics. */
const LAYOUT = {
  trainableCount: 5,
  tensors: [
    { name: 'kernel', shape: [5], offset: 0, size: 5 },
    { name: 'moving_mean', shape: [2], offset: 5, size: 2, momentum: 0.9 },
    { name: 'moving_variance', shape: [1], offset: 7, size: 1, momentum: 0.9 },
  ],
};
const { adam } = DEFAULT_OPTIMIZERS;
const INITIAL = Float32Array.of(1, 2, 3, 4, 5, 0, 0, 1);

const withStatistics = () => new Parameters(INITIAL, createOptimizer(adam, LAYOUT), LAYOUT.tensors);

describe('Parameters with moving statistics', () => {
  it('update the head as parameters without statistics are updated, to the bit', () => {
    const [whole, head] = [
      withStatistics(),
      new Parameters(INITIAL.subarray(0, 5), createOptimizer(adam, { tensors: [] })),
    ];
    for (let step = 1; step <= 3; step++) {
      const sum = Float32Array.from(INITIAL, (value) => (value - 2.5) * step);
      whole.update(sum, 4, adam.learningRate);
      head.update(sum.subarray(0, 5), 4, adam.learningRate);
    }
    expect(whole.values.slice(0, 5)).toEqual(head.values.slice());
    expect(whole.state.updates).toBe(3);
  });

  it('move the tail towards the statistics of the batch, and no moment of Adam with it', () => {
    const parameters = withStatistics();
    parameters.update(Float32Array.of(1, 1, 1, 1, 1, 8, -4, 12), 4, adam.learningRate);
    parameters.update(Float32Array.of(1, 1, 1, 1, 1, 8, -4, 12), 4, adam.learningRate);
    // Means 2, −1 and 3, twice: 0 → 0.2 → 0.38, 0 → −0.1 → −0.19, 1 → 1.2 → 1.38, each step rounded to float32.
    for (const [i, expected] of [0.38, -0.19, 1.38].entries()) {
      expect(parameters.values[5 + i]).toBeCloseTo(expected, 6);
    }
    const { m, v } = parameters.state.slots;
    expect([...m!.subarray(5), ...v!.subarray(5)]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('kept parameters', () => {
  it('become the current ones again, and the optimizer goes on with what it has', () => {
    const parameters = withStatistics();
    parameters.update(INITIAL, 4, adam.learningRate);
    parameters.keep();
    const kept = parameters.values.slice();
    for (let step = 0; step < 3; step++) parameters.update(INITIAL, 4, adam.learningRate);
    const m = parameters.state.slots['m']!.slice();
    expect(parameters.values).not.toEqual(kept);
    parameters.restoreKept();
    expect(parameters.values).toEqual(kept);
    expect(parameters.state.slots['m']).toEqual(m);
    expect(parameters.state.updates).toBe(4);
    expect(parameters.kept).toEqual(kept);
  });

  it('are those of a checkpoint when a run is resumed, and none where it has none', () => {
    const parameters = withStatistics();
    expect(() => parameters.restoreKept()).toThrow('no kept parameters');
    const kept = INITIAL.map((value) => value / 2);
    parameters.restore(withStatistics().state, kept);
    kept.fill(NaN);
    parameters.restoreKept();
    expect(parameters.values).toEqual(INITIAL.map((value) => value / 2));
    expect(() => parameters.restore(withStatistics().state, new Float32Array(3))).toThrow('not of 8 parameters');
  });
});
