import { describe, expect, it } from 'vitest';
import { averageStatistics } from './moving-statistics.ts';

const TABLE = [
  { name: 'kernel', shape: [2], offset: 0, size: 2 },
  { name: 'moving_mean', shape: [2], offset: 2, size: 2, momentum: 0.99 },
  { name: 'moving_variance', shape: [1], offset: 4, size: 1, momentum: 0.75 },
];

describe('averageStatistics', () => {
  it('keeps the share that momentum says and takes the rest from the mean over the samples', () => {
    const into = new Float32Array(5);
    averageStatistics(TABLE, Float32Array.of(7, 7, 0, 2, 1), Float32Array.of(9, 9, 12, -8, 20), 4, into);
    // 0 · 0.99 + 12/4 · 0.01; 2 · 0.99 − 8/4 · 0.01; 1 · 0.75 + 20/4 · 0.25.
    expect(into.subarray(2)).toEqual(Float32Array.of(0.03, 1.96, 2));
  });

  it('leaves what is trained alone', () => {
    const into = Float32Array.of(1, 2, 0, 0, 0);
    averageStatistics(TABLE, new Float32Array(5).fill(5), new Float32Array(5).fill(6), 2, into);
    expect(into.subarray(0, 2)).toEqual(Float32Array.of(1, 2));
  });
});
