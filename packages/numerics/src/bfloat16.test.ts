import { beforeAll, describe, expect, it } from 'vitest';
import { compileKernels } from '../compile.mjs';
import { bfloat16Reference } from './bfloat16.ts';
import { loadKernels } from './load-vectors.ts';
import {
  addBfloat16,
  allocateVector,
  narrowToBfloat16,
  roundToBfloat16,
  sumOfSquares,
  widenFromBfloat16,
} from './vectors.ts';

beforeAll(async () => {
  await compileKernels();
  expect(loadKernels()).toBe(true);
}, 60_000);

/** Exact, on a tie, and beside both: with every upper half, that is each kind of value there is and each border between them. */
const LOWER_HALVES = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff];
const CASES = 2 ** 16 * LOWER_HALVES.length;
/** Around the lengths that SIMD takes whole. */
const LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 1003];

function fillWithCases(vector: Float32Array): void {
  const bits = bitsOf(vector);
  for (let i = 0; i < bits.length; i++) {
    bits[i] = Math.floor(i / LOWER_HALVES.length) * 2 ** 16 + LOWER_HALVES[i % LOWER_HALVES.length]!;
  }
}

/** Noise of every exponent, NaN and infinity among it. */
function fillWithNoise(vector: Float32Array, seed: number): void {
  const bits = bitsOf(vector);
  let state = seed;
  for (let i = 0; i < bits.length; i++) bits[i] = state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
}

function bitsOf({ buffer, byteOffset, length }: Float32Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length);
}

function haveSameBits(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(bitsOf(a).slice().buffer).equals(Buffer.from(bitsOf(b).slice().buffer));
}

/** A vector in the kernels' memory and its copy outside, bit by bit. */
function pair(length: number, fill: (vector: Float32Array) => void) {
  const there = allocateVector(length);
  fill(there);
  const here = new Float32Array(length);
  bitsOf(here).set(bitsOf(there));
  return { there, here };
}

/** The bfloat16 that is nearest by its distance in float64, in which both are exact: the definition, another way. */
function nearest(bits: number): number {
  const below = (bits & 0xffff_0000) >>> 0;
  const value = valueOf(bits);
  if (Number.isNaN(value)) return 0x7fc0_0000;
  if (bits === below) return below;
  const toDown = Math.abs(value - valueOf(below));
  const toUp = Math.abs(valueOf(below + 0x1_0000) - value);
  if (toDown === toUp) return (below >>> 16) % 2 === 0 ? below : below + 0x1_0000;
  return toDown < toUp ? below : below + 0x1_0000;
}

const scratch = new Float32Array(1);
const scratchBits = bitsOf(scratch);

/** A float32 by its bits; 2¹²⁸ where infinity begins, which is where the number after the largest would be. */
function valueOf(bits: number): number {
  if (bits % 2 ** 31 === 0x7f80_0000) return bits >= 2 ** 31 ? -(2 ** 128) : 2 ** 128;
  scratchBits[0] = bits;
  return scratch[0]!;
}

describe('rounding to bfloat16', () => {
  it('takes the nearest, and of two the even one: for every upper half, with subnormals, infinities and NaN', () => {
    const { here } = pair(CASES, fillWithCases);
    const before = bitsOf(here).slice();
    bfloat16Reference.round(here);
    expect(bitsOf(here).findIndex((rounded, i) => rounded !== nearest(before[i]!))).toBe(-1);
  });

  it.each([
    ['1', 1, 1],
    ['a tie below an even neighbour', 1 + 2 ** -8, 1],
    ['a tie below an odd one', 1 + 3 * 2 ** -8, 1 + 2 ** -6],
    ['what carries over to the next power of two', 2 - 2 ** -20, 2],
    ['-0', -0, -0],
    ['the smallest subnormal', 2 ** -149, 0],
    ['a subnormal', 3 * 2 ** -133, 3 * 2 ** -133],
    ['the largest float32', (2 - 2 ** -23) * 2 ** 127, Infinity],
    ['the largest bfloat16', (2 - 2 ** -7) * 2 ** 127, (2 - 2 ** -7) * 2 ** 127],
    ['half-way from there to infinity', -(2 - 2 ** -8) * 2 ** 127, -Infinity],
    ['-Infinity', -Infinity, -Infinity],
    ['NaN', NaN, NaN],
  ])('%s', (_, value, expected) => {
    const vector = Float32Array.of(value);
    bfloat16Reference.round(vector);
    expect(vector[0]).toBe(expected);
  });

  it('changes nothing that is rounded already', () => {
    const { here } = pair(CASES, fillWithCases);
    bfloat16Reference.round(here);
    const once = here.slice();
    bfloat16Reference.round(here);
    expect(haveSameBits(here, once)).toBe(true);
  });
});

describe('the compiled kernels', () => {
  it('round every case to the bit', () => {
    const { there, here } = pair(CASES, fillWithCases);
    roundToBfloat16(there);
    bfloat16Reference.round(here);
    expect(haveSameBits(there, here)).toBe(true);
  });

  it('narrow and widen every case to the bit', () => {
    const { there, here } = pair(CASES, fillWithCases);
    narrowToBfloat16(there);
    bfloat16Reference.narrow(here);
    // What the second half holds is nobody's.
    expect(haveSameBits(there.subarray(0, CASES / 2), here.subarray(0, CASES / 2))).toBe(true);
    widenFromBfloat16(there);
    bfloat16Reference.widen(here);
    expect(haveSameBits(there, here)).toBe(true);
  });

  it.each(LENGTHS)('round, add, narrow and widen %d values to the bit', (length) => {
    const [sum, addend] = [pair(length, (v) => fillWithNoise(v, 1)), pair(length, (v) => fillWithNoise(v, 2))];
    for (const { there, here } of [sum, addend]) {
      roundToBfloat16(there);
      bfloat16Reference.round(here);
      expect(haveSameBits(there, here)).toBe(true);
    }
    addBfloat16(sum.there, addend.there);
    bfloat16Reference.addRounded(sum.here, addend.here);
    expect(haveSameBits(sum.there, sum.here)).toBe(true);
    const before = sum.here.slice();
    narrowToBfloat16(sum.there);
    bfloat16Reference.narrow(sum.here);
    widenFromBfloat16(sum.there);
    bfloat16Reference.widen(sum.here);
    // Nothing is lost of what was rounded.
    expect(haveSameBits(sum.there, before)).toBe(true);
    expect(haveSameBits(sum.here, before)).toBe(true);
  });

  it('write nothing beside a vector', () => {
    const [before, vector, after] = [allocateVector(16), allocateVector(7), allocateVector(16)];
    before.fill(1);
    after.fill(2);
    fillWithNoise(vector, 3);
    roundToBfloat16(vector);
    narrowToBfloat16(vector);
    widenFromBfloat16(vector);
    expect(sumOfSquares(before)).toBe(16);
    expect(sumOfSquares(after)).toBe(64);
  });
});

describe('adding in bfloat16', () => {
  it('is the exact sum rounded once to float32 and once to bfloat16', () => {
    const sum = Float32Array.of(1, 1, 256, 2 ** 127 * 1.5, -1);
    addBfloat16(sum, Float32Array.of(2 ** -8, 2 ** -7, 1, 2 ** 127 * 1.5, 1));
    expect([...sum]).toEqual([1, 1 + 2 ** -7, 256, Infinity, 0]);
  });

  it('depends on the grouping, as every rounded sum does', () => {
    const [a, b] = [Float32Array.of(256), Float32Array.of(1)];
    addBfloat16(a, Float32Array.of(1));
    addBfloat16(a, Float32Array.of(1));
    addBfloat16(b, Float32Array.of(1));
    addBfloat16(b, Float32Array.of(256));
    expect([a[0], b[0]]).toEqual([256, 258]);
  });

  it('refuses vectors of different lengths', () => {
    expect(() => addBfloat16(allocateVector(2), allocateVector(3))).toThrow(RangeError);
  });
});
