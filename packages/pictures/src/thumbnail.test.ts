import sharp from 'sharp';
import { expect, it } from 'vitest';
import { thumbnail, type Pixels } from './thumbnail.ts';

function pixels(width: number, height: number, channels: 1 | 3): Pixels {
  return {
    width,
    height,
    channels,
    bytes: Uint8Array.from({ length: width * height * channels }, (_, n) => (37 * n) % 256),
  };
}

async function decoded(png: Uint8Array) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  return { data: Uint8Array.from(data), width: info.width, height: info.height, channels: info.channels };
}

it.each([
  { width: 32, height: 32, channels: 3 },
  { width: 64, height: 5, channels: 3 },
  { width: 28, height: 28, channels: 1 },
] as const)('keeps every pixel of an image of $width × $height × $channels', async ({ width, height, channels }) => {
  const image = pixels(width, height, channels);
  const { png, ...size } = thumbnail(image);
  expect(size).toEqual({ width, height });
  const read = await decoded(png);
  // What is read of a grey image may have its value three times.
  const each = read.channels / channels;
  expect(read.data.filter((_, n) => n % each === 0 || channels === 3)).toEqual(image.bytes);
});

it('makes a larger image smaller: each pixel is the mean of those in its place', async () => {
  const { png, ...size } = thumbnail({ ...pixels(130, 65, 1), bytes: new Uint8Array(130 * 65).fill(90) });
  expect(size).toEqual({ width: 44, height: 22 });
  expect(new Set((await decoded(png)).data)).toEqual(new Set([90]));
});
