// npx tsx test/keras/dump-inputs.ts FOLDER
//
// Writes what make_fixture.py starts from: the run's initial parameters and its first ten batches, unshuffled.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lessonModel } from '@convoy/cifar10/architecture';
import { readBatch } from '@convoy/cifar10/batch';
import { IMAGE_BYTES } from '@convoy/cifar10/dataset';
import { initialValues } from '@convoy/cifar10/initial-values';
import { syntheticDataset } from '@convoy/cifar10/synthetic';
import { syntheticConfig } from '@convoy/parameter-server/options';
import { float32Bytes } from '@convoy/protocol/tensor';
import { KERAS_RUN } from './keras-run.ts';

const folder = process.argv[2];
const SYNTHETIC = syntheticConfig({ syntheticSize: 50_000 });
if (folder === undefined || SYNTHETIC.name !== 'synthetic')
  throw new Error('usage: npx tsx test/keras/dump-inputs.ts FOLDER');
mkdirSync(folder, { recursive: true });

const samples = KERAS_RUN.steps * KERAS_RUN.batchSize;
const images = new Uint8Array(samples * IMAGE_BYTES);
const indices = Array.from({ length: samples }, (_, index) => index);
const labels = readBatch(syntheticDataset(SYNTHETIC), 'train', indices, images);

writeFileSync(join(folder, 'initial.bin'), float32Bytes(initialValues(lessonModel, KERAS_RUN.seed)));
writeFileSync(join(folder, 'images.bin'), images);
writeFileSync(join(folder, 'labels.bin'), Uint8Array.from(labels));
writeFileSync(join(folder, 'tensors.json'), JSON.stringify(lessonModel.tensors));
writeFileSync(join(folder, 'run.json'), JSON.stringify(KERAS_RUN));
