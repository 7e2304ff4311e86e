import type { Sums } from '@convoy/numerics/reduction';

/**
 * Stands in for the tensors: hashes of whatever a gradient must depend on, as numbers whose sums depend on their grouping.
 * One value taken at other parameters, one leaf too many or too few, or one pair of brackets elsewhere, and all that
 * follows is different.
 */

/** Elements of a gradient. Few, but their exponents differ so much that hardly a sum of three is associative. */
export const PARAMETER_COUNT = 3;
export const INITIAL_PARAMETERS = 0x9e3779b9;

/** Joins two words to one: the finalizer of MurmurHash3 (Appleby) on their combination. */
function mix(a: number, b: number): number {
  let h = Math.imul(a ^ Math.imul(b, 0xcc9e2d51), 0x85ebca6b) + 0x1b873593;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** What one micro-batch of a step contributes at the given parameters. */
export function gradientOf(
  parameters: number,
  step: number,
  leaf: number,
  samples: number,
): Sums & { readonly vector: Float32Array } {
  const vector = new Float32Array(PARAMETER_COUNT);
  let h = mix(parameters, step * 4_096 + leaf);
  for (let i = 0; i < PARAMETER_COUNT; i++) {
    h = mix(h, i);
    vector[i] = spread(h);
  }
  return { samples, lossSum: spread(h) * 1e-9 + spread(mix(h, 1)), metricSum: h % (samples + 1), vector };
}

/** What one piece of an evaluation contributes. */
export function evaluationOf(parameters: number, purpose: string, leaf: number, samples: number): Sums {
  const h = mix(parameters, (purpose === 'test' ? 1 : 2) * 4_096 + leaf);
  return { samples, lossSum: spread(h) * 1e-9 + spread(mix(h, 1)), metricSum: h % (samples + 1), vector: null };
}

/** The parameters after a commit: a hash of those before it and of the mean gradient's bits. */
export function updated(parameters: number, { vector, lossSum, metricSum, samples }: Sums, divisor = samples): number {
  let next = parameters;
  for (let i = 0; i < PARAMETER_COUNT; i++) {
    mean[0] = vector![i]! / divisor;
    next = mix(next, meanBits[0]!);
  }
  return digestOf({ lossSum, metricSum, samples }, next);
}

/** A hash of an evaluation's sums, bit for bit. */
export function digestOf({ lossSum, metricSum, samples }: Omit<Sums, 'vector'>, seed = 0): number {
  loss[0] = lossSum;
  return mix(mix(mix(mix(seed, lossBits[0]!), lossBits[1]!), metricSum), samples);
}

const mean = new Float32Array(1);
const meanBits = new Uint32Array(mean.buffer);
const loss = new Float64Array(1);
const lossBits = new Uint32Array(loss.buffer);

/** A signed number of 16 bits with one of 24 exponents. */
function spread(h: number): number {
  return ((h & 0xffff) - 0x7fff) * 2 ** (((h >>> 16) % 24) - 12);
}
