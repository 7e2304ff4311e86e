import { describe, expect, it } from 'vitest';
import type { OptimizerConfig } from '@convoy/protocol/run-config';
import { randomStream } from '@convoy/numerics/random/stream';
import { createOptimizer, DEFAULT_OPTIMIZERS, NOT_WORTH_DECAYING, slotsOf, type OptimizerState } from './optimizer.ts';
import { emptyLike, zeroState } from './state.fixture.ts';

const { adam, adamw, lion, rmsprop, sgd } = DEFAULT_OPTIMIZERS;

/** What a reference keeps of one parameter besides its value. */
type Slots = [number, number, number];

/** One parameter's step in the textbook's order of operations, in float64. @returns what is taken off it. */
type Reference = (gradient: number, slots: Slots, rate: number, t: number) => number;

const momentumReference =
  (momentum: number, nesterov: boolean): Reference =>
  (gradient, slots, rate) => {
    slots[0] = momentum * slots[0] + rate * gradient;
    return nesterov ? momentum * slots[0] + rate * gradient : slots[0];
  };

const rmspropReference =
  (rho: number, momentum: number, centered: boolean): Reference =>
  (gradient, slots, rate) => {
    slots[0] = rho * slots[0] + (1 - rho) * gradient ** 2;
    slots[1] = rho * slots[1] + (1 - rho) * gradient;
    const variance = centered ? slots[0] - slots[1] ** 2 : slots[0];
    slots[2] = momentum * slots[2] + (rate * gradient) / Math.sqrt(variance + rmsprop.epsilon);
    return slots[2];
  };

const adamReference: Reference = (gradient, slots, rate, t) => {
  slots[0] = 0.9 * slots[0] + 0.1 * gradient;
  slots[1] = 0.999 * slots[1] + 0.001 * gradient ** 2;
  return (rate * Math.sqrt(1 - 0.999 ** t) * slots[0]) / ((1 - 0.9 ** t) * (Math.sqrt(slots[1]) + adamw.epsilon));
};

const lionReference: Reference = (gradient, slots, rate) => {
  const mean = slots[0];
  slots[0] = 0.99 * mean + 0.01 * gradient;
  return rate * Math.sign(0.9 * mean + 0.1 * gradient);
};

const cases: readonly (readonly [title: string, config: OptimizerConfig, reference: Reference])[] = [
  ['adamw', adamw, adamReference],
  // A step of one length again and again is rounded the same way again and again, unless it is a power of two.
  ['lion', { ...lion, learningRate: 2 ** -10 }, lionReference],
  ['lion that decays', { ...lion, weightDecay: 0.1 }, lionReference],
  ['sgd', sgd, momentumReference(0, false)],
  ['sgd with momentum', { ...sgd, momentum: 0.9 }, momentumReference(0.9, false)],
  ["sgd with Nesterov's momentum", { ...sgd, momentum: 0.9, nesterov: true }, momentumReference(0.9, true)],
  ['rmsprop', rmsprop, rmspropReference(0.9, 0, false)],
  ['rmsprop with momentum', { ...rmsprop, momentum: 0.5 }, rmspropReference(0.9, 0.5, false)],
  ['centered rmsprop', { ...rmsprop, centered: true }, rmspropReference(0.9, 0, true)],
];

describe('an optimizer', () => {
  it.each(cases)('%s agrees with a float64 reference to 2e-6 over 1,000 steps', (_, config, reference) => {
    const length = 100;
    const random = randomStream(5, 1);
    const optimizer = createOptimizer(config, { tensors: [] });
    const { learningRate, weightDecay } = config;
    let state: OptimizerState = zeroState(
      Float32Array.from({ length }, () => random.unit() - 0.5),
      optimizer,
    );
    const x = Float64Array.from(state.parameters);
    const slots = Array.from({ length }, (): Slots => [0, 0, 0]);
    for (let t = 1; t <= 1000; t++) {
      const gradient = Float32Array.from({ length }, (_, i) => (random.unit() - 0.4) * 10 ** ((i % 5) - 4));
      state = optimizer.update(state, gradient, 1, learningRate, emptyLike(state));
      for (let i = 0; i < length; i++) {
        x[i] = x[i]! * (1 - learningRate * weightDecay) - reference(gradient[i]!, slots[i]!, learningRate, t);
      }
    }
    // As for Adam: a thousand roundings to float32 are a random walk, and a slot's own are remembered by momentum.
    const difference = Float64Array.from(state.parameters, (value, i) => value - x[i]!);
    expect(Math.hypot(...difference) / Math.hypot(...x)).toBeLessThan(2e-6);
    expect(state.updates).toBe(1000);
  });

  it('moves the trained head and copies what lies behind it', () => {
    for (const [, config] of cases) {
      const optimizer = createOptimizer({ ...config, weightDecay: 0.1 }, { tensors: [], trainableCount: 2 });
      const state = zeroState(Float32Array.of(1, 2, 3, 4), optimizer);
      const { parameters, slots } = optimizer.update(state, Float32Array.of(1, 1, 1, 1), 1, 0.01, emptyLike(state));
      expect(parameters[0]).toBeLessThan(1);
      expect(parameters[1]).toBeLessThan(2);
      expect([...parameters.subarray(2)]).toEqual([3, 4]);
      for (const slot of Object.values(slots)) expect([...slot.subarray(2)]).toEqual([0, 0]);
    }
  });

  it("scales a gradient down to clipNorm by the trained head's length, and leaves a shorter one alone", () => {
    const moved = (clipNorm: number | null, sum: Float32Array, samples: number) => {
      const optimizer = createOptimizer({ ...sgd, clipNorm }, { tensors: [], trainableCount: 2 });
      const state = zeroState(new Float32Array(3), optimizer);
      return [...optimizer.update(state, sum, samples, 1, emptyLike(state)).parameters];
    };
    // The mean is (3, 4), of length 5; what lies behind would make it longer.
    const sum = Float32Array.of(6, 8, 1e6);
    expect(moved(null, sum, 2)).toEqual([-3, -4, 0]);
    expect(moved(5, sum, 2)).toEqual([-3, -4, 0]);
    expect(moved(2.5, sum, 2)).toEqual([-1.5, -2, 0]);
  });

  it('lion moves by the rate alone, in the direction of both betas, and rests where there is none', () => {
    // By hand, exact in binary: with β₁ = 1/2 and β₂ = 3/4 the means after the first gradient are a quarter of it.
    const optimizer = createOptimizer({ ...lion, beta1: 0.5, beta2: 0.75 }, { tensors: [] });
    const start = zeroState(Float32Array.of(1, 1, 1), optimizer);
    const first = optimizer.update(start, Float32Array.of(8, -16, 0), 2, 0.25, emptyLike(start));
    expect([...first.parameters]).toEqual([0.75, 1.25, 1]);
    expect([...first.slots['m']!]).toEqual([1, -2, 0]);
    // 1/2 · 1 − 1/2 · 1 is no direction, 1/2 · −2 + 1/2 · 1 still the old one.
    const second = optimizer.update(first, Float32Array.of(-2, 2, 4), 2, 0.25, emptyLike(first));
    expect([...second.parameters]).toEqual([0.75, 1.5, 0.75]);
    expect([...second.slots['m']!]).toEqual([0.5, -1.25, 0.5]);
  });

  it('decays every tensor but those that are excluded', () => {
    const tensors = [
      { name: 'conv2d/kernel', shape: [2], offset: 0, size: 2 },
      { name: 'conv2d/bias', shape: [1], offset: 2, size: 1 },
      { name: 'batch-normalization/gamma', shape: [1], offset: 3, size: 1 },
      { name: 'dense/kernel', shape: [1], offset: 4, size: 1 },
    ];
    const decayed = (excludeFromWeightDecay: string[]) => {
      const optimizer = createOptimizer({ ...adam, weightDecay: 0.5, excludeFromWeightDecay }, { tensors });
      const state = zeroState(new Float32Array(5).fill(1), optimizer);
      return [...optimizer.update(state, new Float32Array(5), 1, 0.5, emptyLike(state)).parameters];
    };
    expect(decayed([])).toEqual([0.75, 0.75, 0.75, 0.75, 0.75]);
    expect(decayed(NOT_WORTH_DECAYING)).toEqual([0.75, 0.75, 1, 1, 0.75]);
  });

  it('keeps only the slots that its settings need', () => {
    expect(slotsOf(adam)).toEqual(['m', 'v']);
    expect(slotsOf(lion)).toEqual(['m']);
    expect(slotsOf(sgd)).toEqual([]);
    expect(slotsOf({ ...sgd, momentum: 0.9 })).toEqual(['velocity']);
    expect(slotsOf({ ...rmsprop, momentum: 0.9, centered: true })).toEqual([
      'velocity',
      'momentum',
      'average-gradient',
    ]);
  });
});
