import { describe, expect, it } from 'vitest';
import { cropImage, CUTOUT_GREY, cutSquare, mixBytes, type Crop, type ImageShape } from './transform.ts';

/** Three rows of four pixels of one channel: row · 10 + column. */
const SHAPE: ImageShape = [3, 4, 1];
const IMAGE = Uint8Array.from([0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]);

function cropped(crop: Partial<Crop>, shape = SHAPE, image = IMAGE): number[] {
  const target = { bytes: new Uint8Array(image.length + 2), at: 1 };
  const centred = { padding: 2, top: 2, left: 2, isFlipped: false };
  cropImage({ bytes: image, at: 0 }, target, shape, { ...centred, ...crop });
  expect([target.bytes[0], target.bytes.at(-1)]).toEqual([0, 0]);
  return [...target.bytes.subarray(1, -1)];
}

describe('cropImage', () => {
  it('copies the image from the middle, with padding or without', () => {
    expect(cropped({})).toEqual([...IMAGE]);
    expect(cropped({ padding: 0, top: 0, left: 0 })).toEqual([...IMAGE]);
  });

  it('continues an image beyond its edge as a mirror does, the edge itself once', () => {
    expect(cropped({ top: 0, left: 0 })).toEqual([22, 21, 20, 21, 12, 11, 10, 11, 2, 1, 0, 1]);
    expect(cropped({ top: 4, left: 4 })).toEqual([22, 23, 22, 21, 12, 13, 12, 11, 2, 3, 2, 1]);
  });

  it('mirrors what was cut out, and keeps the channels of a pixel together', () => {
    expect(cropped({ isFlipped: true })).toEqual([3, 2, 1, 0, 13, 12, 11, 10, 23, 22, 21, 20]);
    expect(cropped({ left: 3, isFlipped: true })).toEqual([2, 3, 2, 1, 12, 13, 12, 11, 22, 23, 22, 21]);
    const rgb = Uint8Array.from([1, 2, 3, 4, 5, 6]);
    expect(cropped({ padding: 0, top: 0, left: 0, isFlipped: true }, [1, 2, 3], rgb)).toEqual([4, 5, 6, 1, 2, 3]);
  });
});

describe('cutSquare', () => {
  it('greys the part of the square that lies within the image', () => {
    const cut = (size: number, row: number, column: number) => {
      const bytes = IMAGE.slice();
      cutSquare({ bytes, at: 0 }, SHAPE, size, row, column);
      return [...bytes.entries()].flatMap(([at, byte]) => (byte === CUTOUT_GREY ? [at] : []));
    };
    expect(cut(2, 1, 1)).toEqual([0, 1, 4, 5]);
    expect(cut(2, 0, 0)).toEqual([0]);
    expect(cut(2, 2, 3)).toEqual([6, 7, 10, 11]);
    expect(cut(1, 2, 3)).toEqual([11]);
    expect(cut(64, 1, 1)).toHaveLength(12);
  });
});

describe('mixBytes', () => {
  it('rounds the weighted mean to the nearest byte, for every weight and the bytes at the ends', () => {
    for (const [a, b] of [
      [0, 255],
      [255, 0],
      [255, 255],
      [7, 200],
    ] as const) {
      for (let weight = 128; weight <= 256; weight++) {
        const target = { bytes: Uint8Array.of(a), at: 0 };
        mixBytes(target, { bytes: Uint8Array.of(9, b), at: 1 }, target, 1, weight);
        expect(target.bytes[0]).toBe(Math.round((weight * a + (256 - weight) * b) / 256));
      }
    }
  });
});
