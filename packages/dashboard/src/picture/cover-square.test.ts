import { expect, test } from 'vitest';
import { coverSquare, type Raster } from './cover-square.ts';

const picture = (width: number, height: number, valueAt: (x: number, y: number) => number): Raster => ({
  ...{ width, height, channels: 1 },
  data: Uint8Array.from({ length: width * height }, (_, n) => valueAt(n % width, Math.floor(n / width))),
});

test('a picture that has the size keeps its pixels', () => {
  const given = picture(16, 16, (x, y) => (37 * x + 91 * y) % 256);
  expect(coverSquare(given, 16)).toEqual(given);
});

test('the largest square around the centre is kept', () => {
  const { width, height, data } = coverSquare(
    picture(90, 30, (x) => (x >= 30 && x < 60 ? 200 : 0)),
    15,
  );
  expect([width, height, data.length]).toEqual([15, 15, 225]);
  // The filter rings near the edges, and nowhere else.
  for (let row = 0; row < 15; row++)
    expect(data.slice(15 * row + 4, 15 * row + 11)).toEqual(new Uint8Array(7).fill(200));
});

test.each([
  [1, 1],
  [7, 50],
  [100, 33],
  [641, 479],
])('a picture of one grey stays that grey at %i × %i', (width, height) => {
  const { data } = coverSquare(
    picture(width, height, () => 77),
    32,
  );
  expect(new Set(data)).toEqual(new Set([77]));
  expect(data.length).toBe(32 * 32);
});

test('a slope stays a slope, in its place', () => {
  const { data } = coverSquare(
    picture(256, 256, (x) => x),
    32,
  );
  for (let x = 3; x < 29; x++) expect(Math.abs(data[x]! - (8 * x + 3.5))).toBeLessThan(1);
});
