import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { placeArchitecture } from '@convoy/model/architecture';
import { biasedVariance } from './batch-statistics.ts';
import { createProgram } from './create-program.ts';
import { EagerProgram } from './eager-program.ts';
import { batchFor, relativeError } from './eager-program.fixture.ts';
import { loadEngine } from './backends/load.ts';
import { initialValues } from '@convoy/model/initial-values';

/** TensorFlow where this machine has it: the stock kernels must give the same. */
const engine = await loadEngine({ engine: 'auto', threads: 1, onFallback: (reason) => console.info(reason) });

const cacheDir = mkdtempSync(join(tmpdir(), 'convoy-statistics-'));
afterAll(() => rmSync(cacheDir, { recursive: true }));

/** Normalises the images themselves, whose mean and variance a test can compute. */
const model = placeArchitecture([
  { type: 'input', name: 'in', shape: [4, 4, 3] },
  { type: 'batch-normalization', name: 'norm', momentum: 0.9, epsilon: 1e-3 },
  { type: 'flatten', name: 'flat' },
  { type: 'dense', name: 'out', units: 3, activation: 'softmax' },
]);
const SAMPLES = 5;

/** Σ over the samples of each channel's mean and biased variance, in float64: the tail of a gradient. */
function expectedTail(images: Uint8Array): Float32Array {
  const pixels = Array.from(images, (byte) => byte / 255);
  const channels = [0, 1, 2].map((channel) => pixels.filter((_, i) => i % 3 === channel));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const means = channels.map(mean);
  const variances = channels.map((values, c) => mean(values.map((value) => (value - means[c]!) ** 2)));
  return Float32Array.from([...means, ...variances], (value) => value * SAMPLES);
}

describe.each([
  { kind: 'an eager program', make: () => new EagerProgram(engine, model) },
  {
    kind: 'the fastest program',
    make: () => createProgram(engine, model, { cacheDir, onNote: (note) => expect.fail(note) }),
  },
])("$kind's gradient", ({ make }) => {
  it("ends in the batch's means and biased variances, times the samples", () => {
    const program = make();
    const batch = batchFor(model, SAMPLES);
    const gradient = new Float32Array(model.parameterCount);
    program.setParameters(initialValues(model, 5));
    program.gradient(batch, null, gradient);
    // With Bessel's correction the variances would be larger by 1/79.
    expect(
      relativeError(gradient.subarray(model.trainableCount), expectedTail(batch.inputs as Uint8Array)),
    ).toBeLessThan(1e-6);
    program.dispose();
  });

  it('does not depend on the moving statistics, and an evaluation does', () => {
    const program = make();
    const batch = batchFor(model, SAMPLES);
    const [before, after] = [new Float32Array(model.parameterCount), new Float32Array(model.parameterCount)];
    const values = initialValues(model, 5);
    program.setParameters(values);
    const sums = program.gradient(batch, null, before);
    // The moving statistics of this very batch: then inference computes what training did.
    values.set(
      before.subarray(model.trainableCount).map((sum) => sum / SAMPLES),
      model.trainableCount,
    );
    const unlike = program.evaluate(batch).lossSum;
    program.setParameters(values);
    program.gradient(batch, null, after);
    expect(after).toEqual(before);
    expect(program.evaluate(batch).lossSum).toBeCloseTo(sums.lossSum, 4);
    expect(Math.abs(unlike - sums.lossSum)).toBeGreaterThan(0.01);
    program.dispose();
  });
});

it("biasedVariance undoes Bessel's correction", () => {
  // 1, 2, 3, 4: Σ(x − 2.5)² = 5, by 3 with the correction and by 4 without.
  expect(biasedVariance(Float32Array.of(5 / 3), 4)[0]).toBeCloseTo(5 / 4, 6);
});
