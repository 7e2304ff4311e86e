import { describe, expect, it } from 'vitest';
import { randomStream, streamKey } from './stream.ts';

describe('streamKey', () => {
  it('differs when any component differs, or their order', () => {
    const paths = [[1], [2], [1, 0], [0, 1], [1, 2, 3], [3, 2, 1], [2 ** 32], [2 ** 53 - 1]];
    const keys = paths.map((path) => streamKey(7, ...path)).concat(streamKey(8, 1));
    const distinct = new Set(keys.map(({ key0, key1 }) => `${key0}:${key1}`));
    expect(distinct.size).toBe(keys.length);
  });

  it.each([-1, 0.5, NaN, 2 ** 53])('refuses %d as a component', (component) => {
    expect(() => streamKey(1, component)).toThrow(RangeError);
  });
});

describe('RandomStream', () => {
  it('repeats itself from the same seed and path', () => {
    const draw = () =>
      Array.from(
        { length: 5 },
        (
          (stream) => () =>
            stream.uint32()
        )(randomStream(3, 1, 2)),
      );
    expect(draw()).toEqual(draw());
  });

  it('draws units with the mean and variance of a uniform distribution', () => {
    const stream = randomStream(1, 99);
    const draws = Array.from({ length: 100_000 }, () => stream.unit());
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
    // Five standard errors: sqrt(1/12 / n) and sqrt(1/180 / n).
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / draws.length));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / draws.length));
    expect(Math.min(...draws.slice(0, 1000))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws.slice(0, 1000))).toBeLessThan(1);
  });

  it('draws each integer below a bound equally often', () => {
    const stream = randomStream(5, 1);
    const counts = new Array<number>(7).fill(0);
    const draws = 70_000;
    for (let i = 0; i < draws; i++) counts[stream.below(7)]!++;
    const expected = draws / 7;
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 6 degrees of freedom: above 22.5 one time in a thousand; the seed is fixed.
    expect(chiSquared).toBeLessThan(22.5);
  });
});
