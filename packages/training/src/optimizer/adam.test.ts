import { describe, expect, it } from 'vitest';
import { randomStream } from '@convoy/numerics/random/stream';
import { createOptimizer, DEFAULT_OPTIMIZERS, normOf, type OptimizerState } from './optimizer.ts';
import { emptyLike, zeroState } from './state.fixture.ts';
import type { OptimizerVectors } from './update-rule.ts';

const DEFAULT_ADAM = DEFAULT_OPTIMIZERS.adam;
const optimizer = createOptimizer(DEFAULT_ADAM, { tensors: [] });

const initialState = (parameters: Float32Array) => zeroState(parameters, optimizer);

function adamUpdate(state: OptimizerState, sum: Float32Array, samples: number, into: OptimizerVectors): OptimizerState {
  return optimizer.update(state, sum, samples, DEFAULT_ADAM.learningRate, into);
}

describe('adamUpdate', () => {
  it('agrees with a float64 reference to 1e-6 over 1,000 steps', () => {
    const length = 200;
    const random = randomStream(3, 1);
    let state = initialState(Float32Array.from({ length }, () => random.unit() - 0.5));
    const x = Float64Array.from(state.parameters);
    const [m, v] = [new Float64Array(length), new Float64Array(length)];
    const { learningRate, beta1, beta2, epsilon } = DEFAULT_ADAM;
    for (let t = 1; t <= 1000; t++) {
      const gradient = Float32Array.from({ length }, (_, i) => (random.unit() - 0.4) * 10 ** ((i % 9) - 6));
      state = adamUpdate(state, gradient, 1, emptyLike(state));
      for (let i = 0; i < length; i++) {
        // The textbook's order of operations, not ours.
        m[i] = beta1 * m[i]! + (1 - beta1) * gradient[i]!;
        v[i] = beta2 * v[i]! + (1 - beta2) * gradient[i]! ** 2;
        const rate = (learningRate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
        x[i] = x[i]! - (rate * m[i]!) / (Math.sqrt(v[i]!) + epsilon);
      }
    }
    // Storing in float32 a thousand times is a random walk in steps of half an ulp (3e-8 at 1): about 1e-6 for the unluckiest
    // of 200 parameters, less for the vector.
    const difference = Float64Array.from(state.parameters, (value, i) => value - x[i]!);
    expect(Math.hypot(...difference) / Math.hypot(...x)).toBeLessThan(1e-6);
  });

  it("follows Keras's ε: added to √v before the bias correction", () => {
    // One step with a tiny gradient g: m̂/(√v̂ + ε) would move by lr·g/(g + ε); Keras moves by lr·g/(g + ε/√(1 − β2)).
    const g = 1e-7;
    const state = initialState(Float32Array.of(0));
    const { parameters } = adamUpdate(state, Float32Array.of(g), 1, emptyLike(state));
    const keras = (-DEFAULT_ADAM.learningRate * g) / (g + DEFAULT_ADAM.epsilon / Math.sqrt(1 - DEFAULT_ADAM.beta2));
    expect(parameters[0]).toBeCloseTo(keras, 9);
    expect(Math.abs(parameters[0]!)).toBeLessThan(1e-4);
  });

  it('divides the sum by the samples', () => {
    const state = initialState(Float32Array.of(1));
    const one = adamUpdate(state, Float32Array.of(0.25), 1, emptyLike(state));
    const four = adamUpdate(state, Float32Array.of(1), 4, emptyLike(state));
    expect(four.slots).toEqual(one.slots);
  });

  it('leaves the state it starts from untouched', () => {
    const state = initialState(Float32Array.of(1, 2));
    adamUpdate(state, Float32Array.of(1, 1), 1, emptyLike(state));
    expect([...state.parameters, ...state.slots['m']!, ...state.slots['v']!]).toEqual([1, 2, 0, 0, 0, 0]);
  });
});

describe('normOf', () => {
  it('is Euclidean', () => {
    expect(normOf(Float32Array.of(3, 4), 2)).toBe(2.5);
  });

  it('is finite exactly when every element is', () => {
    const values = new Float32Array(1_000_000).fill(3.4e38);
    expect(normOf(values)).toBeLessThan(Infinity);
    for (const value of [NaN, Infinity, -Infinity]) {
      values[777] = value;
      expect(Number.isFinite(normOf(values))).toBe(false);
    }
  });
});
