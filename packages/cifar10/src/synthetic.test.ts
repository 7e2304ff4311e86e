import { expect, test } from 'vitest';
import { IMAGE_BYTES } from '@convoy/model/dataset';
import { syntheticDataset } from './synthetic.ts';
import { SYNTHETIC_CLASS_NAMES } from './synthetic-figures.ts';

const dataset = syntheticDataset({ seed: 1 });

function image(index: number, from = dataset, split: 'train' | 'test' = 'train'): Uint8Array {
  const pixels = new Uint8Array(IMAGE_BYTES);
  from.read(split, index, pixels, 0);
  return pixels;
}

test('an image depends on seed, split and index alone, not on what was read before', () => {
  const first = image(31_999);
  for (let index = 0; index < 20; index++) image(index);
  expect(image(31_999)).toEqual(first);
  expect(image(31_999, syntheticDataset({ seed: 1, trainCount: 32_000, testCount: 1 }))).toEqual(first);
  expect(image(31_998)).not.toEqual(first);
  expect(image(31_999, syntheticDataset({ seed: 2 }))).not.toEqual(first);
  expect(image(3, dataset, 'test')).not.toEqual(image(3, dataset, 'train'));
});

test('every block of ten holds each class once, in an order of its own', () => {
  const scratch = new Uint8Array(IMAGE_BYTES);
  const orders = new Set<string>();
  for (const split of ['train', 'test'] as const) {
    for (let block = 0; block < 20; block++) {
      const labels = Array.from({ length: 10 }, (_, place) => dataset.read(split, block * 10 + place, scratch, 0));
      expect(labels.toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      orders.add(labels.join(' '));
    }
  }
  expect(orders.size).toBe(40);
  expect(SYNTHETIC_CLASS_NAMES).toHaveLength(10);
});

test('images use the range of a byte and differ in brightness', () => {
  const means = Array.from({ length: 200 }, (_, index) => {
    const pixels = image(index);
    return pixels.reduce((sum, pixel) => sum + pixel, 0) / IMAGE_BYTES;
  });
  expect(Math.min(...means)).toBeLessThan(80);
  expect(Math.max(...means)).toBeGreaterThan(150);
  expect(Math.max(...image(0))).toBeGreaterThan(Math.min(...image(0)) + 20);
});

test('the fingerprint is this one on every machine, and follows seed and counts', () => {
  // When this changes on purpose, SYNTHETIC_VERSION must change too.
  expect(dataset.fingerprint).toBe('dc764afb80847819f455affa4c2e0628489044236dafb4cb79788441e08b78f1');
  expect(syntheticDataset({ seed: 1 }).fingerprint).toBe(dataset.fingerprint);
  for (const other of [{ seed: 2 }, { seed: 1, trainCount: 49_999 }, { seed: 1, testCount: 10 }]) {
    expect(syntheticDataset(other).fingerprint).not.toBe(dataset.fingerprint);
  }
});

test('is written where it should be, and nowhere else', () => {
  const target = new Uint8Array(IMAGE_BYTES + 20).fill(1);
  const label = dataset.read('test', 5, target, 10);
  expect(label).toBe(dataset.read('test', 5, new Uint8Array(IMAGE_BYTES), 0));
  expect(target.subarray(10, 10 + IMAGE_BYTES)).toEqual(image(5, dataset, 'test'));
  expect([...target.subarray(0, 10), ...target.subarray(10 + IMAGE_BYTES)]).toEqual(new Array(20).fill(1));
});

test('refuses an index outside the split, a target without room, and wrong options', () => {
  expect(() => image(50_000)).toThrow('the train split has images 0 to 49999, not 50000');
  expect(() => image(-1)).toThrow(RangeError);
  expect(() => image(0.5)).toThrow(RangeError);
  expect(() => dataset.read('train', 0, new Uint8Array(IMAGE_BYTES), 1)).toThrow(RangeError);
  expect(() => syntheticDataset({ seed: 1, trainCount: 0 })).toThrow(
    'trainCount must be a whole number above 0, not 0',
  );
  expect(() => syntheticDataset({ seed: -1 })).toThrow(RangeError);
});
