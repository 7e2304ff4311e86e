import { setImmediate as turn } from 'node:timers/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placeArchitecture, type Model } from '@convoy/model/architecture';
import { createProgram } from '../create-program.ts';
import { EagerProgram } from '../eager-program.ts';
import {
  batchFor,
  draw,
  relativeError,
  small,
  smallGelu,
  smallNormalised,
  smallRegression,
  smallResidual,
  smallStrided,
} from '../eager-program.fixture.ts';
import { loadEngine } from '../backends/load.ts';
import { initialValues } from '@convoy/model/initial-values';
import { lessonModel, models } from '@convoy/cifar10/models';
import type { Program } from '../program.ts';
import { softTargets } from '@convoy/model/soft-targets';

/** TensorFlow where this machine has it: on one that computes with WASM, where nothing is compiled, the same must hold. */
const engine = await loadEngine({ engine: 'auto', threads: 1, onFallback: (reason) => console.info(reason) });
let cacheDir: string;

beforeAll(() => (cacheDir = mkdtempSync(join(tmpdir(), 'convoy-compiled-'))));
afterAll(() => rmSync(cacheDir, { recursive: true }));

function ready(program: Program, model: Model): Program {
  program.setParameters(initialValues(model, 5));
  return program;
}
const onNote = (note: string) => expect.fail(note);
const compiled = (model: Model) => ready(createProgram(engine, model, { cacheDir, onNote }), model);
const eager = (model: Model) => ready(new EagerProgram(engine, model), model);

describe(`a program made for ${engine.name}`, () => {
  it.each([
    { samples: 1, dropout: true },
    { samples: 63, dropout: true },
    { samples: 64, dropout: true },
    { samples: 64, dropout: false },
    { samples: 2, dropout: false },
  ])("agrees with the eager one on the lesson's CNN: %o", ({ samples, dropout }) => {
    const programs = [compiled(lessonModel), eager(lessonModel)] as const;
    const batch = batchFor(lessonModel, samples);
    const [ours, theirs] = programs.map((program) => {
      const gradient = new Float32Array(lessonModel.parameterCount);
      return { gradient, sums: program.gradient(batch, dropout ? draw(samples) : null, gradient) };
    });
    // The same float32 products, added up in another order.
    expect(relativeError(ours!.gradient, theirs!.gradient)).toBeLessThan(1e-5);
    expect(ours!.sums.lossSum / theirs!.sums.lossSum).toBeCloseTo(1, 6);
    expect(ours!.sums).toMatchObject({ samples, metricSum: theirs!.sums.metricSum });
    programs.forEach((program) => program.dispose());
  });

  it('agrees with the eager one on expected probabilities, and on those of the labels alone with itself', () => {
    const programs = [compiled(small), eager(small)] as const;
    const batch = batchFor(small, 9);
    const alone = softTargets(batch.labels, null, small.outputs, 0);
    const mixing = { partners: batch.labels.map((_, n) => 8 - n), weights: batch.labels.map((_, n) => 130 + 15 * n) };
    const mixed = softTargets(batch.labels, mixing, small.outputs, 0.1);
    const results = [undefined, alone, mixed].map((targets) =>
      programs.map((program) => {
        const gradient = new Float32Array(small.parameterCount);
        return { gradient, sums: program.gradient({ ...batch, targets }, draw(9), gradient) };
      }),
    );
    for (const [ours, theirs] of results) {
      expect(relativeError(ours!.gradient, theirs!.gradient)).toBeLessThan(1e-5);
      expect(ours!.sums.lossSum).toBeCloseTo(theirs!.sums.lossSum, 4);
      expect(ours!.sums.metricSum).toBe(results[0]![0]!.sums.metricSum);
    }
    expect(relativeError(results[1]![0]!.gradient, results[0]![0]!.gradient)).toBeLessThan(1e-5);
    expect(relativeError(results[2]![0]!.gradient, results[0]![0]!.gradient)).toBeGreaterThan(1e-2);
    expect(programs[0].evaluate({ ...batch, targets: mixed })).toEqual(programs[0].evaluate(batch));
    programs.forEach((program) => program.dispose());
  });

  it('gives the probabilities whose logarithms are its own losses, as the eager one does', () => {
    const programs = [compiled(small), eager(small)] as const;
    const { inputs } = batchFor(small, 9);
    const before = engine.tf.memory().numTensors;
    const [ours, theirs] = programs.map((program) => program.predict(inputs));
    expect(engine.tf.memory().numTensors).toBe(before);
    expect(ours).toHaveLength(9 * small.outputs);
    ours!.forEach((value, n) => expect(value).toBeCloseTo(theirs![n]!, 6));
    const rows = Array.from({ length: 9 }, (_, n) => ours!.subarray(n * small.outputs, (n + 1) * small.outputs));
    const likeliest = Int32Array.from(rows, (row) => row.indexOf(Math.max(...row)));
    const { lossSum, metricSum } = programs[0].evaluate({ inputs, labels: likeliest });
    expect(metricSum).toBe(9);
    expect(rows.reduce((sum, row, n) => sum - Math.log(row[likeliest[n]!]!), 0)).toBeCloseTo(lossSum, 5);
    programs.forEach((program) => program.dispose());
  });

  // `onNote` fails when createProgram finds that a compiled gradient is off the eager one's or finite differences.
  it.each([
    { title: 'lesson-bn', model: models['lesson-bn'], samples: 16 },
    { title: 'resnet', model: models.resnet, samples: 16 },
    { title: 'a small normalised model', model: smallNormalised, samples: 1 },
    { title: 'a small residual model', model: smallResidual, samples: 33 },
    { title: 'a small model with strides', model: smallStrided, samples: 7 },
    { title: 'a small regression', model: smallRegression, samples: 21 },
    { title: 'a small model with gelu', model: smallGelu, samples: 11 },
  ])('agrees with the eager one on $title, $samples samples: slopes, statistics and evaluation', (given) => {
    const { model, samples } = given;
    const programs = [compiled(model), eager(model)] as const;
    const batch = batchFor(model, samples);
    const [ours, theirs] = programs.map((program) => {
      const gradient = new Float32Array(model.parameterCount);
      const sums = program.gradient(batch, draw(samples), gradient);
      const [slopes, statistics] = [
        gradient.subarray(0, model.trainableCount),
        gradient.subarray(model.trainableCount),
      ];
      return { gradient, slopes, statistics, sums, evaluation: program.evaluate(batch) };
    });
    expect(relativeError(ours!.slopes, theirs!.slopes)).toBeLessThan(1e-5);
    if (model.trainableCount < model.parameterCount) {
      expect(relativeError(ours!.statistics, theirs!.statistics)).toBeLessThan(1e-5);
    }
    expect(ours!.sums.lossSum / theirs!.sums.lossSum).toBeCloseTo(1, 5);
    expect(ours!.sums.samples).toBe(samples);
    expect(ours!.sums.metricSum).toBeCloseTo(theirs!.sums.metricSum, 4);
    expect(ours!.evaluation.lossSum / theirs!.evaluation.lossSum).toBeCloseTo(1, 5);
    const again = new Float32Array(model.parameterCount);
    programs[0].gradient(batch, draw(samples), again);
    expect(Buffer.compare(bytes(again), bytes(ours!.gradient))).toBe(0);
    programs.forEach((program) => program.dispose());
  });

  it('evaluates as the eager one does, and without dropout as its own gradient', () => {
    const programs = [compiled(lessonModel), eager(lessonModel)] as const;
    const batch = batchFor(lessonModel, 50);
    const [ours, theirs] = programs.map((program) => program.evaluate(batch));
    expect(ours!.lossSum / theirs!.lossSum).toBeCloseTo(1, 6);
    expect(ours!.metricSum).toBe(theirs!.metricSum);
    const sums = programs[0].gradient(batch, null, new Float32Array(lessonModel.parameterCount));
    expect(sums.lossSum / ours!.lossSum).toBeCloseTo(1, 6);
    expect(sums.metricSum).toBe(ours!.metricSum);
    programs.forEach((program) => program.dispose());
  });

  it('says the values of a regression, whose errors are its own loss and metric', () => {
    const programs = [compiled(smallRegression), eager(smallRegression)] as const;
    const { inputs, labels, targets } = batchFor(smallRegression, 9);
    const [ours, theirs] = programs.map((program) => program.predict(inputs));
    expect(ours).toHaveLength(18);
    ours!.forEach((value, n) => expect(value).toBeCloseTo(theirs![n]!, 6));
    const errors = Array.from(ours!, (value, n) => value - targets![n]!);
    const { samples, lossSum, metricSum } = programs[0].evaluate({ inputs, labels, targets });
    expect(samples).toBe(9);
    expect(errors.reduce((sum, error) => sum + error * error, 0) / 2).toBeCloseTo(lossSum, 5);
    expect(errors.reduce((sum, error) => sum + Math.abs(error), 0) / 2).toBeCloseTo(metricSum, 5);
    programs.forEach((program) => program.dispose());
  });

  it('gives the same bits forty times, whatever was computed in between and in a second session', async () => {
    const program = compiled(lessonModel);
    const batch = batchFor(lessonModel, 16);
    const first = new Float32Array(lessonModel.parameterCount);
    const again = new Float32Array(lessonModel.parameterCount);
    const sums = program.gradient(batch, draw(16), first);
    for (let repeat = 0; repeat < 40; repeat++) {
      // Vitest gives up a process that does not answer it for a minute.
      await turn();
      if (repeat % 8 === 0) program.gradient(batchFor(lessonModel, 1 + repeat), null, again);
      if (repeat % 8 === 4) program.evaluate(batchFor(lessonModel, 7));
      expect(program.gradient(batch, draw(16), again)).toEqual(sums);
      expect(Buffer.compare(bytes(again), bytes(first))).toBe(0);
    }
    const other = compiled(lessonModel);
    other.gradient(batchFor(lessonModel, 5), null, again);
    other.gradient(batch, draw(16), again);
    expect(Buffer.compare(bytes(again), bytes(first))).toBe(0);
    other.dispose();
    program.dispose();
  });

  it('has the values of gelu that are known, as the eager one has', () => {
    const model = placeArchitecture(
      [
        { type: 'input', name: 'in', shape: [6], dtype: 'float32' },
        { type: 'dense', name: 'same', units: 6, useBias: false },
        { type: 'activation', name: 'gelu', activation: 'gelu' },
      ],
      'meanSquaredError',
    );
    const identity = Float32Array.from({ length: 36 }, (_, n) => (n % 7 === 0 ? 1 : 0));
    // keras.activations.gelu of Keras 3.15, with its default approximate=False; -3 by tanh would be -0.00363739.
    const known = [-0.00404951, -0.15865526, 0, 0.34573123, 0.8413447, 1.9544997];
    for (const program of [compiled(model), eager(model)]) {
      program.setParameters(identity);
      const values = program.predict(Float32Array.of(-3, -1, 0, 0.5, 1, 2));
      values.forEach((value, n) => expect(value).toBeCloseTo(known[n]!, 6));
      program.dispose();
    }
  });

  it('takes layers by any name, and keeps apart those whose nodes would be called alike', () => {
    const odd = placeArchitecture([
      { type: 'input', name: 'in put', shape: [4] },
      { type: 'dense', name: 'größe, erste', units: 4, activation: 'relu' },
      { type: 'dense', name: 'größe; erste', units: 4, activation: 'tanh' },
      { type: 'dropout', name: '-x/', rate: 0.5 },
      { type: 'dense', name: '_', units: 3, activation: 'softmax' },
    ]);
    const programs = [compiled(odd), eager(odd)] as const;
    const [ours, theirs] = programs.map((program) => {
      const gradient = new Float32Array(odd.parameterCount);
      program.gradient(batchFor(odd, 5), draw(5), gradient);
      return gradient;
    });
    expect(relativeError(ours!, theirs!)).toBeLessThan(1e-5);
    programs.forEach((program) => program.dispose());
  });

  it('takes new parameters, and the array they came in may change afterwards', () => {
    const program = compiled(small);
    const reference = eager(small);
    const batch = batchFor(small, 4);
    for (const seed of [8, 9]) {
      const values = initialValues(small, seed);
      program.setParameters(values);
      reference.setParameters(values);
      values.fill(NaN);
      expect(program.evaluate(batch).lossSum).toBeCloseTo(reference.evaluate(batch).lossSum, 5);
    }
    program.dispose();
    reference.dispose();
  });

  it('leaks no tensor and no memory in a thousand gradients', async () => {
    const before = engine.tf.memory().numTensors;
    const program = compiled(small);
    const batch = batchFor(small, 64);
    const gradient = new Float32Array(small.parameterCount);
    const compute = async (times: number) => {
      for (let i = 0; i < times; i++) {
        program.gradient(batch, draw(64), gradient);
        if (i % 100 === 0) await turn();
        if (i % 10 === 0) program.evaluate(batch);
        if (i % 10 === 0) program.setParameters(initialValues(small, i));
      }
    };
    await compute(200);
    const warm = { tensors: engine.tf.memory().numTensors, rss: process.memoryUsage.rss() };
    await compute(1000);
    expect(engine.tf.memory().numTensors).toBe(warm.tensors);
    // A thousand gradients bring 50 MB of images and 4 MB of slopes to TensorFlow: were a tenth kept, it would show.
    expect(process.memoryUsage.rss() - warm.rss).toBeLessThan(30e6);
    program.dispose();
    expect(engine.tf.memory().numTensors).toBe(before);
  });
});

function bytes(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer);
}
