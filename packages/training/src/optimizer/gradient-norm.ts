import { sumOfSquares } from '@convoy/numerics/vectors';

/** Euclidean norm of a vector divided by `divisor`, accumulated in float64: finite exactly when every element is. */
export function normOf(vector: Float32Array, divisor = 1): number {
  return Math.sqrt(sumOfSquares(vector)) / divisor;
}

/**
 * What a gradient's sum is divided by to be the mean over its samples, and no longer than `clipNorm`: what Keras does with
 * `global_clipnorm`.
 * @param norm of the mean gradient, over all its tensors.
 * @param clipNorm null for any length.
 */
export function clippedDivisor(samples: number, norm: number, clipNorm: number | null): number {
  return clipNorm !== null && norm > clipNorm ? samples * (norm / clipNorm) : samples;
}
