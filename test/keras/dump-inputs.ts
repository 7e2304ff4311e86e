// npx tsx test/keras/dump-inputs.ts FOLDER [MODEL]
//
// Writes what the fixtures start from: the run's initial parameters and its first ten batches, unshuffled. The model is
// lesson-cnn unless named.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { models } from '@convoy/cifar10/models';
import { readBatch } from '@convoy/model/batch';
import { IMAGE_BYTES } from '@convoy/model/dataset';
import { initialValues } from '@convoy/model/initial-values';
import { syntheticDataset } from '@convoy/cifar10/synthetic';
import { syntheticConfig } from '@convoy/cifar10/datasets';
import { MODEL_NAMES } from '@convoy/cifar10/models';
import { float32Bytes } from '@convoy/protocol/tensor';
import { KERAS_RUN } from './keras-run.ts';

const [, , folder, modelName = 'lesson-cnn'] = process.argv;
const name = MODEL_NAMES.find((known) => known === modelName);
const SYNTHETIC = syntheticConfig({ syntheticSize: 50_000 });
if (folder === undefined || name === undefined || SYNTHETIC.name !== 'synthetic')
  throw new Error('usage: npx tsx test/keras/dump-inputs.ts FOLDER [MODEL]');
const model = models[name];
mkdirSync(folder, { recursive: true });

const samples = KERAS_RUN.steps * KERAS_RUN.batchSize;
const images = new Uint8Array(samples * IMAGE_BYTES);
const indices = Array.from({ length: samples }, (_, index) => index);
const { labels } = readBatch(syntheticDataset(SYNTHETIC), 'train', indices, images);

writeFileSync(join(folder, 'initial.bin'), float32Bytes(initialValues(model, KERAS_RUN.seed)));
writeFileSync(join(folder, 'images.bin'), images);
writeFileSync(join(folder, 'labels.bin'), Uint8Array.from(labels));
writeFileSync(join(folder, 'tensors.json'), JSON.stringify(model.tensors));
writeFileSync(join(folder, 'run.json'), JSON.stringify(KERAS_RUN));
