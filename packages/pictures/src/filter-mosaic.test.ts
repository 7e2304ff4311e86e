import sharp from 'sharp';
import { expect, it } from 'vitest';
import { pixelsOfPng } from './image-file.ts';
import { filterMosaic } from './filter-mosaic.ts';

it('shows each filter as squares of its colours, eight in a row, with white between', async () => {
  const colors = Array.from({ length: 9 }, (_, n) => [20 * n, 0, 200]);
  const { width, height, png } = filterMosaic({
    width: 1,
    height: 1,
    channels: 3,
    count: 9,
    pixels: Uint8Array.from(colors.flat()),
  });
  expect({ width, height }).toEqual({ width: 8 * 16 - 4, height: 2 * 16 - 4 });
  const { data } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)];
  expect([at(0, 0), at(16 * 7 + 11, 11), at(0, 16)]).toEqual([colors[0], colors[7], colors[8]]);
  expect([at(13, 0), at(0, 13), at(20, 20)]).toEqual(Array(3).fill([255, 255, 255]));
});

it('grey filters become grey pixels, which a PNG gives back, also larger', async () => {
  const { png } = filterMosaic({ width: 1, height: 1, channels: 1, count: 1, pixels: Uint8Array.of(77) });
  expect(new Set(await pixelsOfPng(png))).toEqual(new Set([77]));
  expect(await pixelsOfPng(png, 2)).toHaveLength(24 * 24 * 3);
});
