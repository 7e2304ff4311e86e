import { describe, expect, it } from 'vitest';
import { durationOption } from './durations.ts';

describe('durationOption', () => {
  it.each([
    ['500ms', 500],
    ['5s', 5_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
  ])('reads %s', (text, ms) => {
    expect(durationOption(text)).toBe(ms);
  });

  it.each(['5', 's', '0s', '-1s', '1 s', '1d', ''])('refuses "%s"', (text) => {
    expect(() => durationOption(text)).toThrow('It must be a time above 0 with its unit, like 500ms, 5s, 10m or 1h.');
  });
});
