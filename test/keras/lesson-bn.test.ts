import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readBatch } from '@convoy/model/batch';
import { createProgram } from '@convoy/engine/create-program';
import { IMAGE_BYTES } from '@convoy/model/dataset';
import { EagerProgram } from '@convoy/engine/eager-program';
import { loadEngine } from '@convoy/engine/backends/load';
import { initialValues } from '@convoy/model/initial-values';
import { models } from '@convoy/cifar10/models';
import type { Program } from '@convoy/engine/program';
import { syntheticDataset } from '@convoy/cifar10/synthetic';
import { syntheticConfig } from '@convoy/cifar10/datasets';
import { Parameters } from '@convoy/server/parameters';
import { readFloat32 } from '@convoy/protocol/tensor';
import { createOptimizer, DEFAULT_OPTIMIZERS } from '@convoy/training/optimizer/optimizer';
import { temporaryFolder } from '../support/convoy.ts';

interface Fixture {
  readonly keras: string;
  readonly seed: number;
  /** The first of the samples that it was made of. */
  readonly first: number;
  readonly samples: number;
  /** How near a unit comes to the kink of its relu or its maximum, where rounding decides which slope it has. */
  readonly margin: number;
  /** The fixture keeps every so many slopes, and all statistics. */
  readonly stride: number;
  readonly loss: number;
}

const fixtures = new URL('../fixtures/', import.meta.url);
const fixture = JSON.parse(readFileSync(new URL('keras-lesson-bn.json', fixtures), 'utf8')) as Fixture;
const folder = temporaryFolder();
afterAll(folder.remove);

const engine = await loadEngine({ engine: 'auto', threads: 1, onFallback: (reason) => console.info(reason) });
const model = models['lesson-bn'];
const { trainableCount } = model;

/** The batch that the fixture was made of. */
function batch() {
  const config = syntheticConfig({ syntheticSize: 50_000 });
  if (config.name !== 'synthetic') throw new Error('the fixture is of synthetic images');
  const inputs = new Uint8Array(fixture.samples * IMAGE_BYTES);
  const indices = Array.from({ length: fixture.samples }, (_, n) => fixture.first + n);
  const { labels } = readBatch(syntheticDataset(config), 'train', indices, inputs);
  return { inputs, labels };
}

function theirs(): { slopes: Float32Array; statistics: Float32Array } {
  const values = readFloat32(readFileSync(new URL('keras-lesson-bn.bin', fixtures)));
  const slopes = Math.ceil(trainableCount / fixture.stride);
  return { slopes: values.subarray(0, slopes), statistics: values.subarray(slopes) };
}

/** ‖a − b‖ / ‖b‖. */
function relativeDistance(a: Float32Array, b: Float32Array): number {
  const square = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(square(a.map((value, i) => value - b[i]!)) / square(b));
}

describe.each<[string, () => Program]>([
  ['operation by operation', () => new EagerProgram(engine, model)],
  [
    'as createProgram makes it',
    () => createProgram(engine, model, { cacheDir: join(folder.path, 'graphs'), onNote: (note) => expect.fail(note) }),
  ],
])(`lesson-bn %s, beside Keras ${fixture.keras}`, (_, make) => {
  it('has its loss, its slopes and, after a commit, its moving statistics', () => {
    const program = make();
    const initial = initialValues(model, fixture.seed);
    const gradient = new Float32Array(model.parameterCount);
    program.setParameters(initial);
    const { lossSum, samples } = program.gradient(batch(), null, gradient);
    program.dispose();
    const parameters = new Parameters(initial, createOptimizer(DEFAULT_OPTIMIZERS.adam, model), model.tensors);
    parameters.update(gradient, samples, DEFAULT_OPTIMIZERS.adam.learningRate);

    const expected = theirs();
    expect(Math.abs(lossSum / samples / fixture.loss - 1)).toBeLessThan(1e-5);
    const slopes = gradient.subarray(0, trainableCount).map((slope) => slope / samples);
    const thinned = slopes.filter((_, i) => i % fixture.stride === 0);
    // Rounding to float32 (6e-8) through six normalisations, each of which divides by a spread that was rounded itself.
    expect(relativeDistance(thinned, expected.slopes)).toBeLessThan(2e-5);
    expect(parameters.values.length - trainableCount).toBe(expected.statistics.length);
    expect(relativeDistance(parameters.values.slice(trainableCount), expected.statistics)).toBeLessThan(1e-6);
  });
});
