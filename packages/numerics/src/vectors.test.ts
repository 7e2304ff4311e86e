import { beforeAll, describe, expect, it } from 'vitest';
import { compileKernels } from '../compile.mjs';
import { loadKernels } from './load-vectors.ts';
import { reference, type Kernels } from './reference.ts';
import { add, adam, allocateVector, kernelsAreInstalled, rmsprop, sgd, sumOfSquares } from './vectors.ts';

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

/** Compares vectors of a million values; Vitest takes half a minute to. */
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

  const updates: readonly (readonly [name: string, update: Update])[] = [
    ['Adam', adamOf],
    ['gradient descent', sgdOf(false)],
    ['gradient descent with momentum', sgdOf(true)],
    ['RMSprop', rmspropOf([])],
    ['RMSprop with momentum', rmspropOf(['momentum'])],
    ['centered RMSprop', rmspropOf(['averageGradient'])],
    ['centered RMSprop with momentum', rmspropOf(['momentum', 'averageGradient'])],
  ];
  const cases = updates.flatMap(([name, update]) => lengths.map((length) => [name, length, update] as const));

  it.each(cases)(
    'update with %s, %d parameters, to the bit, step after step',
    (_, length, { slots, compiled, plain }) => {
      const vectors = ['parameters', ...slots];
      const [from, into] = [0, 1].map((seed) => vectors.map((name, i) => pair(length, 7 * seed + i, startOf(name))));
      const gradient = pair(length, 20);
      for (let t = 1; t <= (length > 10_000 ? 3 : 50); t++) {
        for (let i = 0; i < length; i++) gradient.there[i] = gradient.here[i] = valueAt(i, t);
        for (const [where, update] of [['there', compiled] as const, ['here', plain] as const]) {
          const named = vectors.flatMap((name, i) => [
            [name, from![i]![where]],
            [`${name}Out`, into![i]![where]],
          ]);
          update({ gradientSum: gradient[where], ...Object.fromEntries(named) }, t);
        }
        for (const [i, next] of into!.entries()) {
          expect(haveSameBits(next.there, next.here)).toBe(true);
          from![i]!.there.set(next.there);
          from![i]!.here.set(next.here);
        }
      }
    },
  );

  it('compute on a part of a vector that begins anywhere', () => {
    const [there, here] = [allocateVector(9), new Float32Array(9)];
    for (const vector of [there, here]) for (let i = 0; i < 9; i++) vector[i] = valueAt(i + 1, 1);
    add(there.subarray(1, 8), there.subarray(1, 8));
    reference.add(here.subarray(1, 8), here.subarray(1, 8));
    expect(haveSameBits(there, here)).toBe(true);
  });
});

type Vectors = Record<string, Float32Array>;

/** One of the updates, by the kernels and by the reference; `t` counts from 1. */
interface Update {
  readonly slots: readonly string[];
  readonly compiled: (vectors: Vectors, t: number) => void;
  readonly plain: (vectors: Vectors, t: number) => void;
}

/** Slots begin at zero, as an optimizer's do. */
function startOf(name: string): ((value: number) => number) | undefined {
  return name.startsWith('parameters') ? undefined : () => 0;
}

const divisorAt = (t: number) => (t % 2 === 0 ? 256 : 250 + t);
const keepAt = (t: number) => (t % 3 === 0 ? 1 : 1 - 0.004 * 1e-3);

const adamOf: Update = (() => {
  const scalars = (t: number) => ({
    divisor: divisorAt(t),
    decay1: 1 - 0.9,
    decay2: 1 - 0.999,
    rate: (1e-3 * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t),
    epsilon: 1e-7,
    keep: keepAt(t),
  });
  type Args = Parameters<Kernels['adam']>[0];
  return {
    slots: ['m', 'v'],
    compiled: (vectors, t) => adam(vectors as unknown as Args, scalars(t)),
    plain: (vectors, t) => reference.adam(vectors as unknown as Args, scalars(t)),
  };
})();

function sgdOf(hasVelocity: boolean): Update {
  const none = hasVelocity ? {} : { velocity: null, velocityOut: null };
  const scalars = (t: number) => ({
    divisor: divisorAt(t),
    rate: 0.01,
    momentum: 0.9,
    // Nesterov in every other step.
    ahead: t % 2 === 0 ? 0.9 : 1,
    aside: t % 2 === 0 ? 0.01 : 0,
    keep: keepAt(t),
  });
  type Args = Parameters<Kernels['sgd']>[0];
  return {
    slots: hasVelocity ? ['velocity'] : [],
    compiled: (vectors, t) => sgd({ ...vectors, ...none } as unknown as Args, scalars(t)),
    plain: (vectors, t) => reference.sgd({ ...vectors, ...none } as unknown as Args, scalars(t)),
  };
}

function rmspropOf(kept: readonly ('momentum' | 'averageGradient')[]): Update {
  const none = { momentum: null, momentumOut: null, averageGradient: null, averageGradientOut: null };
  const scalars = (t: number) => ({
    divisor: divisorAt(t),
    rate: 1e-3,
    decay: 1 - 0.9,
    inertia: 0.8,
    epsilon: 1e-7,
    keep: keepAt(t),
  });
  type Args = Parameters<Kernels['rmsprop']>[0];
  return {
    slots: ['velocity', ...kept],
    compiled: (vectors, t) => rmsprop({ ...none, ...vectors } as unknown as Args, scalars(t)),
    plain: (vectors, t) => reference.rmsprop({ ...none, ...vectors } as unknown as Args, scalars(t)),
  };
}

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
