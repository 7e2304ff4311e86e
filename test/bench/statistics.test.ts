import { describe, expect, it } from 'vitest';
import { median, ratios, spreadOf } from './statistics.ts';

describe('statistics', () => {
  it('takes the upper of two middle values', () => {
    expect(median([4, 1, 3, 2])).toBe(3);
  });

  it('takes ratios within a round and leaves rounds out in which one of the two failed', () => {
    expect(ratios([10, null, 30, 40], [5, 5, null, 10])).toEqual([2, 4]);
    expect(ratios([10, 20], [5])).toEqual([2]);
  });

  it('has no spread of nothing', () => {
    expect(spreadOf([null, null])).toBeNull();
    expect(spreadOf([3, null, 1])).toEqual({ median: 3, low: 1, high: 3 });
  });
});
