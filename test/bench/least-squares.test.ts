import { describe, expect, it } from 'vitest';
import { leastCosts, leastSquares } from './least-squares.ts';

describe('leastSquares', () => {
  it('finds the coefficients that made the targets', () => {
    const rows = [
      [1, 1, 0],
      [1, 4, 2],
      [5, 2, 1],
      [5, 16, 3],
    ];
    const targets = rows.map(([a, b, c]) => 3 * a! + 0.5 * b! + 7 * c!);
    leastSquares(rows, targets).forEach((value, i) => expect(value).toBeCloseTo([3, 0.5, 7][i]!, 9));
  });

  it('weighs relative errors: of 1 and 3 for the same row it chooses 1.2, not 2', () => {
    expect(leastSquares([[1], [1]], [1, 3])[0]).toBeCloseTo(1.2, 9);
  });

  it('refuses measurements that leave a coefficient open', () => {
    const rows = [
      [1, 2],
      [2, 4],
    ];
    expect(() => leastSquares(rows, [1, 2])).toThrow(RangeError);
  });
});

describe('leastCosts', () => {
  it('is least squares where no coefficient is negative', () => {
    const rows = [
      [1, 1],
      [1, 3],
      [2, 1],
    ];
    const targets = rows.map(([a, b]) => 2 * a! + b!);
    leastCosts(rows, targets).forEach((value, i) => expect(value).toBeCloseTo([2, 1][i]!, 9));
  });

  it('takes a negative coefficient for 0 and finds the others without it', () => {
    const rows = [
      [1, 1],
      [2, 1],
      [4, 1],
    ];
    const [slope, offset] = leastCosts(rows, [1, 3, 7]);
    expect(offset).toBe(0);
    expect(slope).toBeCloseTo(leastSquares([[1], [2], [4]], [1, 3, 7])[0]!, 9);
  });
});
