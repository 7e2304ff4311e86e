import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBatch } from '@convoy/model/batch';
import { IMAGE_BYTES } from '@convoy/model/dataset';
import { EagerProgram } from '@convoy/engine/eager-program';
import { loadEngine } from '@convoy/engine/backends/load';
import { models } from '@convoy/cifar10/models';
import { syntheticDataset } from '@convoy/cifar10/synthetic';
import { exportModel, type ExportedFile } from '@convoy/export/export-model';
import { parseSafetensors } from '@convoy/export/safetensors.fixture';
import { trainedModel } from '@convoy/export/trained-model.fixture';
import { float32Bytes } from '@convoy/protocol/tensor';
import { MODEL_NAMES, type ModelName } from '@convoy/cifar10/models';
import { findChromium, openPage } from '../support/chromium.ts';
import { convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { findKerasPython } from '../support/keras-python.ts';
import { servePages, type PageServer } from '../support/page-server.ts';

const folder = temporaryFolder();
const exportsFolder = join(folder.path, 'exports');
const file = (name: ModelName, ...path: string[]) => join(exportsFolder, name, ...path);

/** Two synthetic images, uint8 of shape [2, 32, 32, 3]. */
const IMAGES = 2;
const pixels = new Uint8Array(IMAGES * IMAGE_BYTES);
readBatch(syntheticDataset({ seed: 1, testCount: IMAGES }), 'test', [0, 1], pixels);

/** What Convoy itself takes the images for, by the model. */
const ours = new Map<string, readonly number[]>();
let pages: PageServer;

beforeAll(async () => {
  const engine = await loadEngine({ engine: 'auto', threads: 1, onFallback: (reason) => console.info(reason) });
  for (const name of MODEL_NAMES) {
    const trained = trainedModel(name, models[name]);
    const program = new EagerProgram(engine, trained.model);
    program.setParameters(trained.values);
    ours.set(name, [...program.predict(pixels)]);
    program.dispose();
    mkdirSync(file(name), { recursive: true });
    writeFileSync(file(name, 'pixels.bin'), pixels);
    const write = (format: Parameters<typeof exportModel>[1]['format'], path: string) =>
      exportModel(trained, { format, out: file(name, path), force: false });
    await write('layers-model', 'model');
    await write('safetensors', 'model.safetensors');
    await write('keras', 'model.keras');
    await write('keras', 'model.weights.h5');
  }
  const library = createRequire(import.meta.url).resolve('@tensorflow/tfjs/package.json');
  pages = await servePages({
    exports: exportsFolder,
    pages: fileURLToPath(new URL('../pages', import.meta.url)),
    tensorflow: join(dirname(library), 'dist'),
  });
});
afterAll(async () => {
  await pages.close();
  folder.remove();
});

/** The largest difference of a probability. */
function difference(name: string, theirs: readonly (readonly number[])[]): number {
  const expected = ours.get(name)!;
  expect(theirs.flat()).toHaveLength(expected.length);
  return Math.max(...theirs.flat().map((probability, n) => Math.abs(probability - expected[n]!)));
}

/** Rounding to float32 of values up to 1, in another order of the same sums. */
const ROUNDING = 1e-6;
/** Keras's own convolutions add in yet other orders, through up to nine layers. */
const KERAS_ROUNDING = 1e-5;

describe('a LayersModel', () => {
  it.each(MODEL_NAMES)('of %s gives the probabilities of Convoy in plain TensorFlow.js in Node', async (name) => {
    const before = tf.getBackend();
    await tf.setBackend('cpu');
    const model = await tf.loadLayersModel(`${pages.url}/exports/${name}/model/model.json`);
    const images = tf.tensor4d(pixels, [IMAGES, 32, 32, 3], 'float32').div(255);
    const outputs_NC = model.predict(images) as tf.Tensor2D;
    expect(difference(name, outputs_NC.arraySync())).toBeLessThan(ROUNDING);
    tf.dispose([images, outputs_NC]);
    model.dispose();
    await tf.setBackend(before);
  });

  it('of every model gives them in a browser', async () => {
    const chromium = findChromium();
    if (chromium === null) {
      console.info('NOT CHECKED: LayersModels in a browser. Install Chromium, or set CHROMIUM_PATH.');
      return;
    }
    const page = `${pages.url}/pages/open-layers-models.html?models=${MODEL_NAMES.join()}`;
    const outcome = JSON.parse(await openPage(chromium, page, pages.outcome)) as {
      readonly error?: string;
      readonly cpu: Readonly<Record<string, readonly (readonly number[])[]>>;
      readonly webgl?: Readonly<Record<string, readonly (readonly number[])[]>>;
    };
    expect(outcome.error).toBeUndefined();
    if (outcome.webgl === undefined) console.info('NOT CHECKED: LayersModels with WebGL, which this Chromium has not.');
    for (const name of MODEL_NAMES) {
      for (const probabilities of [outcome.cpu, ...(outcome.webgl ? [outcome.webgl] : [])]) {
        expect(difference(name, probabilities[name]!)).toBeLessThan(ROUNDING);
      }
    }
  });
});

describe('exports for Keras', () => {
  it('give the probabilities of Convoy through the lines of docs/export.md', async () => {
    const python = findKerasPython();
    if (python === null) {
      console.info('NOT CHECKED: exports in Keras. Set CONVOY_KERAS_PYTHON to a Python with Keras 3.');
      return;
    }
    const program = fileURLToPath(new URL('../keras/open_exports.py', import.meta.url));
    const page = fileURLToPath(new URL('../../docs/export.md', import.meta.url));
    const args = [program, page, ...MODEL_NAMES.map((name) => file(name))];
    const { stdout } = await promisify(execFile)(python, args, { env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' } });
    const outcome = JSON.parse(stdout.trim().split('\n').at(-1)!) as Readonly<
      Record<string, Readonly<Record<string, readonly (readonly number[])[] | null>>>
    >;
    for (const name of MODEL_NAMES) {
      const opened = outcome[file(name)]!;
      const own = name === 'lesson-cnn' ? ['model.weights.h5'] : [];
      expect(Object.keys(opened)).toEqual(['model.keras', 'model.safetensors', ...own]);
      for (const [source, theirs] of Object.entries(opened)) {
        if (theirs === null) console.info(`NOT CHECKED: ${name}'s ${source}: this Python has no package safetensors.`);
        else expect(difference(name, theirs)).toBeLessThan(KERAS_ROUNDING);
      }
    }
  });
});

describe('convoy export', () => {
  const run = join(folder.path, 'run');
  beforeAll(async () => {
    const shape = ['--model', 'lesson-bn', '--steps', '2', '--batch-size', '8', '--micro-batch', '8'];
    const data = ['--dataset', 'synthetic', '--synthetic-size', '40'];
    summaryOf(await convoy(['train', '--single', ...data, ...shape, '--json', '--run-dir', run]));
  });

  it("writes the run's own parameters in every format, into its folder, and says what they are", async () => {
    const parameters = readFileSync(join(run, 'parameters.bin'));
    const started = eventsOf(run).find((event) => event.type === 'run-started')!;
    const outcomes = [];
    for (const format of ['layers-model', 'safetensors', 'keras']) {
      const { code, stdout, stderr } = await convoy(['export', run, '--format', format, '--json']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      outcomes.push(JSON.parse(stdout) as { out: string; step: number; files: ExportedFile[] });
    }
    const names = ['model-step-2', 'model-step-2.safetensors', 'model-step-2.keras'];
    expect(outcomes.map(({ out, step }) => ({ out, step }))).toEqual(
      names.map((name) => ({ out: join(run, name), step: 2 })),
    );
    expect(readFileSync(outcomes[0]!.files[1]!.path).equals(parameters)).toBe(true);
    const { metadata, tensors } = parseSafetensors(readFileSync(outcomes[1]!.out));
    expect(metadata).toMatchObject({ model: 'lesson-bn', run: started.run, step: '2' });
    for (const { name, offset, size } of models['lesson-bn'].tensors) {
      const bytes = float32Bytes(tensors.get(name.replace('/', '.'))!.values);
      expect(Buffer.compare(bytes, parameters.subarray(4 * offset, 4 * (offset + size)))).toBe(0);
    }
  });

  it('takes a checkpoint, and replaces what is there only with --force', async () => {
    const out = join(folder.path, 'newest.safetensors');
    const args = ['export', run, '--format', 'safetensors', '--checkpoint', 'newest', '--out', out];
    expect(await convoy(args)).toMatchObject({ code: 0, stdout: expect.stringContaining('lesson-bn after 2 steps') });
    const refused = await convoy(args);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/newest\.safetensors is there already/) });
    expect((await convoy([...args, '--force'])).code).toBe(0);
    expect(readdirSync(folder.path).filter((name) => name.includes('partial'))).toEqual([]);
  });
});
