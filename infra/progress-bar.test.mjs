import { expect, test } from 'vitest';
import { durationText, megabytes, progressBar, TimeLeft } from './progress-bar.mjs';

test('a bar has the columns that it was given, filled by halves', () => {
  expect(progressBar(0, 4)).toEqual(['', '────']);
  expect(progressBar(0.375, 4)).toEqual(['━╸', '──']);
  expect(progressBar(1, 4)).toEqual(['━━━━', '']);
  expect(progressBar(7, 4)).toEqual(['━━━━', '']);
});

test('a duration has minutes and seconds, and hours where there are any', () => {
  expect([0, 42.4, 725, 3723].map(durationText)).toEqual(['0:00', '0:42', '12:05', '1:02:03']);
});

test('sizes are told in megabytes, with the total when it is known', () => {
  expect(megabytes(119_600_000, 273_829_956)).toBe('120 of 274 MB');
  expect(megabytes(119_600_000)).toBe('120 MB');
});

test('the time left is that of the pace of the last ten seconds', () => {
  const left = new TimeLeft();
  expect(left.note(0, 100, 0)).toBe(null);
  expect(left.note(10, 100, 100)).toBe(null);
  expect(left.note(10, 100, 1_000)).toBe(9);
  for (let ms = 2_000; ms <= 20_000; ms += 1_000) left.note(10 + ms / 1_000, 100, ms);
  expect(left.note(31, 100, 21_000)).toBeCloseTo(69);
});

test('the time left of another thing does not come from the one before', () => {
  const left = new TimeLeft();
  left.note(0, 8, 0);
  left.note(8, 8, 8_000);
  expect(left.note(0, 8, 9_000)).toBe(null);
  expect(left.note(4, 8, 10_000)).toBe(1);
});
