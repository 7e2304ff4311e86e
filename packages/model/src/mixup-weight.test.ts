import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { mixupWeights } from './mixup-weight.ts';

/** Weights of words that lie evenly in their range: the distribution itself, without chance. */
function quantiles(alpha: number, count = 100_000): number[] {
  const weightOf = mixupWeights(alpha);
  return Array.from({ length: count }, (_, n) => weightOf(Math.floor(((n + 0.5) / count) * 2 ** 32)));
}

/** The share of weights above `weight`, and what that says of the greater of λ and 1 − λ. */
const shareAbove = (weights: readonly number[], weight: number) =>
  weights.filter((each) => each > weight).length / weights.length;

describe('mixupWeights', () => {
  it('has the distribution of the greater of λ and 1 − λ where that is known in closed form', () => {
    const closed: Readonly<Record<number, (x: number) => number>> = {
      // Beta(1/2, 1/2): the arcsine distribution. Beta(1, 1): uniform. Beta(2, 2): I(y) = 3y² − 2y³.
      0.5: (x) => (4 / Math.PI) * Math.asin(Math.sqrt(1 - x)),
      1: (x) => 2 * (1 - x),
      2: (x) => 2 * (3 * (1 - x) ** 2 - 2 * (1 - x) ** 3),
    };
    for (const [alpha, tail] of Object.entries(closed)) {
      const weights = quantiles(Number(alpha));
      for (const weight of [128, 150, 200, 250, 255]) {
        expect(shareAbove(weights, weight)).toBeCloseTo(tail((weight + 0.5) / 256), 4);
      }
    }
  });

  it('falls with the word from 256 to 128, and keeps most of a sample when alpha is small', () => {
    const weightOf = mixupWeights(0.2);
    expect([weightOf(0), weightOf(0xffff_ffff)].sort()).toEqual([128, 256]);
    expect(shareAbove(quantiles(0.2), 230)).toBeGreaterThan(0.6);
    expect(shareAbove(quantiles(8), 230)).toBeLessThan(0.01);
  });

  it('draws the same on every machine', () => {
    const digest = createHash('sha256')
      .update(Uint16Array.from(quantiles(0.2)))
      .digest('hex');
    expect(digest).toBe('3867a846590cc57efcc39a211373876c18f54c3d3c52e35bf36202c67e8a521a');
  });
});
