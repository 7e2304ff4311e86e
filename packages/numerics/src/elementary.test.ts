import { describe, expect, it } from 'vitest';
import { cosineOfHalfTurns, integerPower, power } from './elementary.ts';

describe('integerPower', () => {
  it.each([0, 1, 2, 7, 1000, 123_457])('agrees with Math.pow for exponent %d', (exponent) => {
    expect(integerPower(0.999, exponent)).toBeCloseTo(0.999 ** exponent, 12);
  });
});

describe('power', () => {
  it.each([0, 0.25, 1 / 3, 1, 2.7, 41.999, 100.1])('agrees with Math.pow for exponent %d', (exponent) => {
    for (const base of [0.1, 0.5, 0.96, 1]) {
      expect(Math.abs(power(base, exponent) / base ** exponent - 1)).toBeLessThan(1e-12);
    }
  });
});

describe('cosineOfHalfTurns', () => {
  it('agrees with Math.cos over the half turn', () => {
    for (let i = 0; i <= 1000; i++) {
      expect(Math.abs(cosineOfHalfTurns(i / 1000) - Math.cos((Math.PI * i) / 1000))).toBeLessThan(1e-15);
    }
  });

  it('is exact at its ends and in the middle', () => {
    expect([0, 0.5, 1].map(cosineOfHalfTurns)).toEqual([1, 0, -1]);
  });
});
