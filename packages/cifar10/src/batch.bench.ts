import { loadKernels } from '@convoy/numerics/load-vectors';
import { allocateVector } from '@convoy/numerics/vectors';
import { bench, describe } from 'vitest';
import { AUGMENTATION_VERSION } from '@convoy/protocol/run-config';
import { Augmenter } from '@convoy/model/augment';
import { readBatch, scaleBytes } from '@convoy/model/batch';
import { IMAGE_BYTES } from '@convoy/model/dataset';
import { dropoutMask } from '@convoy/model/dropout';
import { syntheticDataset } from './synthetic.ts';

const SAMPLES = 64;
const dataset = syntheticDataset({ seed: 1, trainCount: SAMPLES, testCount: 1 });
const indices = Int32Array.from({ length: SAMPLES }, (_, n) => n);
const bytes = new Uint8Array(SAMPLES * IMAGE_BYTES);
const pixels = new Float32Array(SAMPLES * IMAGE_BYTES);
loadKernels();
const mask = new Float32Array(SAMPLES * 2048);
const compiledMask = allocateVector(SAMPLES * 2048);
const draw = { seed: 1, epoch: 0, positions: { start: 0, end: SAMPLES } };

const augmenter = new Augmenter(
  { version: AUGMENTATION_VERSION, crop: 4, flip: true, cutout: 8, mixup: 0.2 },
  [32, 32, 3],
);

describe('a micro-batch of 64', () => {
  bench('images read', () => void readBatch(dataset, 'train', indices, bytes));
  bench('pixels scaled', () => scaleBytes(bytes, pixels));
  bench('images cropped, flipped, cut out and mixed', () => void augmenter.augment(bytes, draw));
  bench("the first dropout layer's mask, plain", () => dropoutMask(draw, 12, 0.5, 2048, mask));
  bench("the first dropout layer's mask, SIMD", () => dropoutMask(draw, 12, 0.5, 2048, compiledMask));
});
