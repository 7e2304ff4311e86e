import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { SMALL, temporaryDirectory, writeSmall } from './binary.fixture.ts';
import { openBinary } from './binary.ts';
import { readBatch, scaleBytes } from '@convoy/model/batch';
import { IMAGE_BYTES } from '@convoy/model/dataset';
import { syntheticDataset } from './synthetic.ts';

test('a batch holds the images and labels of its indices, in their order', async () => {
  const directory = await temporaryDirectory();
  await writeSmall(directory);
  const dataset = openBinary(directory, SMALL);
  const images = new Uint8Array(4 * IMAGE_BYTES);
  const { labels } = readBatch(dataset, 'train', Int32Array.of(93, 0, 93), images);
  expect([...labels]).toEqual([3, 0, 3]);
  const image = new Uint8Array(IMAGE_BYTES);
  for (const [position, index] of [93, 0, 93].entries()) {
    dataset.read('train', index, image, 0);
    expect(images.subarray(position * IMAGE_BYTES, (position + 1) * IMAGE_BYTES)).toEqual(image);
  }
  expect(images.subarray(3 * IMAGE_BYTES)).toEqual(new Uint8Array(IMAGE_BYTES));
});

test('a batch of no indices is empty, and one without room is refused', () => {
  const dataset = syntheticDataset({ seed: 1, trainCount: 10, testCount: 10 });
  expect(readBatch(dataset, 'test', [], new Uint8Array(0)).labels).toEqual(new Int32Array(0));
  expect(() => readBatch(dataset, 'test', [1, 2], new Uint8Array(2 * IMAGE_BYTES - 1))).toThrow(
    '2 samples need 6144 values, not 6143',
  );
  expect(() => readBatch(dataset, 'test', [10], new Uint8Array(IMAGE_BYTES))).toThrow(RangeError);
});

test('scaled pixels are those of NumPy, bit for bit', () => {
  const scaled = new Float32Array(256);
  scaleBytes(
    Uint8Array.from({ length: 256 }, (_, value) => value),
    scaled,
  );
  expect(scaled[255]).toBe(1);
  // hashlib.sha256(np.array(np.arange(256, dtype=np.uint8) / 255.0, dtype=np.float32).tobytes()), NumPy 2.4 on x86-64.
  expect(createHash('sha256').update(scaled).digest('hex')).toBe(
    '010413efe9fc4438fee48de66c4d09f377b28af6a9fe2522201e8c1dbb831fc8',
  );
});

test('scaling leaves what lies behind the images alone, and refuses a target without room', () => {
  const target = new Float32Array(4).fill(7);
  scaleBytes(Uint8Array.of(255, 0), target);
  expect([...target]).toEqual([1, 0, 7, 7]);
  expect(() => scaleBytes(new Uint8Array(3), new Float32Array(2))).toThrow('3 bytes need 3 floats, not 2');
});
