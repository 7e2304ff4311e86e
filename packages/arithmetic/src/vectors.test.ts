import { beforeAll, describe, expect, it } from 'vitest';
import { compileKernels } from '../compile.mjs';
import { loadKernels } from './load.ts';
import { reference, type AdamScalars, type AdamVectors } from './reference.ts';
import { add, adam, allocateVector, kernelsAreInstalled, sumOfSquares } from './vectors.ts';

beforeAll(async () => {
  await compileKernels();
  expect(loadKernels()).toBe(true);
}, 60_000);

/** Values of all magnitudes, subnormal ones, zeros of both signs. */
function valueAt(i: number, seed: number): number {
  const noise = Math.sin(i * 12.9898 + seed) * 43758.5453;
  const fraction = noise - Math.floor(noise) - 0.5;
  return i % 97 === 0 ? (i % 2 === 0 ? 0 : -0) : fraction * 10 ** ((i % 50) - 44);
}

/** The same values twice: in the kernels' memory and outside. */
function pair(length: number, seed: number, map = (value: number) => value) {
  const there = allocateVector(length);
  for (let i = 0; i < length; i++) there[i] = map(valueAt(i, seed));
  return { there, here: there.slice() };
}

/** Of vectors of a million values, which Vitest takes half a minute to compare. */
function haveSameBits(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.slice().buffer).equals(Buffer.from(b.slice().buffer));
}

describe('the compiled kernels', () => {
  // Around the lengths that SIMD takes whole, and the lesson's.
  const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 1000, 904_718];

  it('are installed', () => expect(kernelsAreInstalled()).toBe(true));

  it.each(lengths)('add %d values to the bit', (length) => {
    const [sum, addend] = [pair(length, 1), pair(length, 2)];
    add(sum.there, addend.there);
    reference.add(sum.here, addend.here);
    expect(haveSameBits(sum.there, sum.here)).toBe(true);
  });

  it.each(lengths)('sum the squares of %d values to the bit', (length) => {
    const { there, here } = pair(length, 3);
    expect(sumOfSquares(there)).toBe(reference.sumOfSquares(here));
  });

  it.each(lengths)('update %d parameters with Adam to the bit, step after step', (length) => {
    const [parameters, m, v] = [pair(length, 4), pair(length, 5, () => 0), pair(length, 6, () => 0)];
    const [parametersOut, mOut, vOut] = [pair(length, 7), pair(length, 8), pair(length, 9)];
    const vectors = (side: 'here' | 'there', gradientSum: Float32Array): AdamVectors => ({
      gradientSum,
      parameters: parameters[side],
      m: m[side],
      v: v[side],
      parametersOut: parametersOut[side],
      mOut: mOut[side],
      vOut: vOut[side],
    });
    const gradient = pair(length, 10);
    for (let t = 1; t <= (length > 10_000 ? 3 : 50); t++) {
      for (let i = 0; i < length; i++) gradient.there[i] = gradient.here[i] = valueAt(i, t);
      const scalars: AdamScalars = {
        samples: t % 2 === 0 ? 256 : 250 + t,
        decay1: 1 - 0.9,
        decay2: 1 - 0.999,
        rate: (1e-3 * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t),
        epsilon: 1e-7,
      };
      adam(vectors('there', gradient.there), scalars);
      reference.adam(vectors('here', gradient.here), scalars);
      for (const [there, here] of [
        [parametersOut.there, parametersOut.here],
        [mOut.there, mOut.here],
        [vOut.there, vOut.here],
      ] as const) {
        expect(haveSameBits(there, here)).toBe(true);
      }
      for (const [state, next] of [
        [parameters, parametersOut],
        [m, mOut],
        [v, vOut],
      ] as const) {
        state.there.set(next.there);
        state.here.set(next.here);
      }
    }
  });
});

describe('vectors', () => {
  it('are zeros that share nothing', () => {
    const [a, b] = [allocateVector(3), allocateVector(3)];
    a.fill(1);
    expect([...b]).toEqual([0, 0, 0]);
  });

  it('are allocated outside when the kernels have no room, and computed on with the same bits', () => {
    const [large, kernels] = [2 ** 27, allocateVector(1).buffer];
    const inside = Array.from({ length: 8 }, () => allocateVector(large)).filter(({ buffer }) => buffer === kernels);
    expect(inside.length).toBeLessThan(8);
    expect(allocateVector(large).buffer).not.toBe(kernels);
    const sum = allocateVector(2);
    add(sum, Float32Array.of(1, 2));
    expect([...sum]).toEqual([1, 2]);
  });

  it('of different lengths are refused', () => {
    expect(() => add(allocateVector(2), allocateVector(3))).toThrow(RangeError);
  });
});

describe('sumOfSquares', () => {
  it.each(['kernels', 'reference'])('is finite exactly when every element is (%s)', (where) => {
    const values = where === 'kernels' ? allocateVector(1_000_003) : new Float32Array(1_000_003);
    values.fill(3.4e38);
    expect(sumOfSquares(values)).toBeLessThan(Infinity);
    for (const at of [777, 1_000_002]) {
      for (const value of [NaN, Infinity, -Infinity]) {
        values[at] = value;
        expect(Number.isFinite(sumOfSquares(values))).toBe(false);
      }
      values[at] = 0;
    }
  });
});
