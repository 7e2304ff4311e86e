import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OperatorError } from '@convoy/protocol/errors';
import type { Outcome, Run } from './run.ts';
import type { TrainOptions } from './train-options.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-api-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pathOf = (name: string) => join(folder, name);

/** Two micro-batches a step, so that two workers have work. */
const SETTINGS: TrainOptions = {
  dataset: { name: 'synthetic', trainCount: 100, testCount: 20 },
  globalBatchSize: 8,
  maxSteps: 6,
  validationSplit: 0.1,
  evaluationBatchSize: 20,
  optimizer: { name: 'sgd', momentum: 0.9 },
  deterministic: true,
};

/** y = 3 x − 1 for x from 0 to 1. */
const LINE = `export default {
  name: 'line',
  inputType: 'float32',
  loss: 'meanSquaredError',
  model: [
    { type: 'input', name: 'x', shape: [1] },
    { type: 'dense', name: 'y', units: 1, activation: 'linear' },
  ],
  dataset: () => ({
    trainCount: 64,
    testCount: 8,
    read(split, index, input) {
      input[0] = ((index * 37) % 64) / 63;
      return 3 * input[0] - 1;
    },
  }),
  settings: { epochs: 40, globalBatchSize: 8, validationSplit: 0, optimizer: { name: 'sgd', learningRate: 0.1, momentum: 0.9 } },
};`;

/** In which quarter of the square a point lies: learned at a rate of 0.5 or 2, while one of 8 kills all relus at once. */
const QUARTERS = `export default {
  name: 'quarters',
  inputType: 'float32',
  loss: 'sparseCategoricalCrossentropy',
  model: [
    { type: 'input', name: 'point', shape: [2] },
    { type: 'dense', name: 'hidden', units: 8, activation: 'relu' },
    { type: 'dense', name: 'quarter', units: 4, activation: 'softmax' },
  ],
  dataset: () => ({
    trainCount: 1024,
    testCount: 64,
    classNames: ['south-west', 'south-east', 'north-west', 'north-east'],
    read(split, index, input) {
      const at = split === 'train' ? index : 1024 + index;
      input[0] = ((at * 37) % 101) / 50 - 1;
      input[1] = ((at * 59) % 103) / 51 - 1;
      return (input[0] > 0 ? 1 : 0) + (input[1] > 0 ? 2 : 0);
    },
  }),
  settings: { epochs: 4, globalBatchSize: 32, validationSplit: 0, optimizer: { name: 'sgd', learningRate: 8 } },
};`;

async function typesOf(run: Run): Promise<string[]> {
  const types: string[] = [];
  for await (const { type } of run) types.push(type);
  return types;
}

/** A signal by which nothing is left: ESRCH is the answer for a process that is not there. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

// Before anything of Convoy is loaded.
const listenersBefore = listeners();
const { train } = await import('./train.ts');
const { evaluate } = await import('./evaluate.ts');
const { openPredictor } = await import('./open-predictor.ts');

/** Who listens to the process, by event. */
function listeners(): Record<string, number> {
  return Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]));
}

describe('train', () => {
  let reference: Outcome;
  const types: string[] = [];
  let engine: string;
  beforeAll(async () => {
    const run = train({ ...SETTINGS, runDir: pathOf('single'), single: true });
    for await (const event of run) {
      types.push(event.type);
      if (event.type === 'worker-joined') engine = event.engine;
    }
    reference = await run.result;
  });

  it('gives every event of the run, from its start to its end', () => {
    expect(types.filter((type) => type === 'step')).toHaveLength(6);
    expect([types[0], types.at(-1)]).toEqual(['run-started', 'run-ended']);
    const log = readFileSync(join(pathOf('single'), 'events.jsonl'), 'utf8')
      .trim()
      .split('\n');
    expect(types).toEqual(log.map((line) => (JSON.parse(line) as { type: string }).type));
  });

  it('ends with the figures, the configuration and the parameters', async () => {
    expect(reference).toMatchObject({
      outcome: 'completed',
      folder: pathOf('single'),
      steps: 6,
      config: { recipe: 'lesson', microBatchSize: 4, optimizer: { name: 'sgd', learningRate: 0.01, momentum: 0.9 } },
    });
    expect(reference.testAccuracy).toBeGreaterThanOrEqual(0);
    expect(await reference.readParameters()).toHaveLength(904_718);
  });

  it("comes to the same parameters again by the run's config.json as configuration file", async () => {
    const config = join(reference.folder, 'config.json');
    const { parametersSha256, config: again } = await train({ config, runDir: pathOf('again'), single: true }).result;
    expect(parametersSha256).toBe(reference.parametersSha256);
    expect(again).toEqual(reference.config);
  });

  it('is stopped by its signal with a checkpoint and no process left, and goes on to the same parameters', async () => {
    const stopping = new AbortController();
    const run = train({
      ...SETTINGS,
      runDir: pathOf('workers'),
      workers: 2,
      checkpointEvery: { steps: 1 },
      signal: stopping.signal,
    });
    const pids: number[] = [];
    for await (const event of run) {
      if (event.type === 'worker-joined') pids.push(Number(event.name.split(':').at(-1)));
      if (event.type === 'step' && event.step === 2) stopping.abort(new Error('seen enough'));
    }
    const { outcome, reason, steps } = await run.result;
    expect({ outcome, reason }).toEqual({ outcome: 'interrupted', reason: 'seen enough' });
    expect(steps).toBeGreaterThanOrEqual(2);
    expect(steps).toBeLessThan(6);
    expect(pids.length).toBeGreaterThan(0);
    expect(pids.filter(isAlive)).toEqual([]);
    const { parametersSha256 } = await train({ resume: pathOf('workers'), single: true }).result;
    expect(parametersSha256).toBe(reference.parametersSha256);
  });

  it('is evaluated to its own figures', async () => {
    const { accuracy, loss, samples, parametersSha256 } = await evaluate(reference.folder);
    expect({ accuracy, loss, samples }).toEqual({
      accuracy: reference.testAccuracy,
      loss: reference.testLoss,
      samples: 20,
    });
    expect(parametersSha256).toBe(reference.parametersSha256);
  });

  it('has a model that can be asked', async () => {
    const predictor = await openPredictor(reference.folder, { threads: 1 });
    const guesses = predictor.predict(new Uint8Array(32 * 32 * 3));
    predictor.close();
    expect(guesses).toHaveLength(10);
    expect(guesses.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
  });

  it("trains a workload of one's own, evaluates it and asks it", async () => {
    const workload = pathOf('line.mjs');
    writeFileSync(workload, LINE);
    const run = train({ workload, deterministic: true, single: true, runDir: pathOf('line') });
    const errors: (number | undefined)[] = [];
    for await (const event of run) if (event.type === 'epoch-ended') errors.push(event.meanAbsoluteError);
    const { folder, testMeanAbsoluteError, config } = await run.result;
    expect(config).toMatchObject({ model: 'workload', dataset: { workload: 'line' }, globalBatchSize: 8 });
    expect(errors).toHaveLength(40);
    expect(errors.at(-1)).toBeLessThan(errors[0]! / 10);
    expect(testMeanAbsoluteError).toBeLessThan(0.05);
    const { meanAbsoluteError, confusion } = await evaluate(folder, { workload });
    expect({ meanAbsoluteError, confusion }).toEqual({ meanAbsoluteError: testMeanAbsoluteError, confusion: null });
    const predictor = await openPredictor(folder, { workload, threads: 1 });
    expect(predictor.ask(Float32Array.of(0.5))[0]).toBeCloseTo(0.5, 1);
    expect(() => predictor.ask(new Float32Array(2))).toThrow('the model takes 1 values of float32, of shape [1]');
    predictor.close();
    await expect(evaluate(folder)).rejects.toThrow('give its file with workload');
  });

  it.each([{ single: true }, { workers: 2 }])(
    'goes back when it collapses, and tells of it in the same iteration: %j',
    async (where) => {
      const workload = pathOf('quarters.mjs');
      writeFileSync(workload, QUARTERS);
      const run = train({
        ...where,
        workload,
        deterministic: true,
        onCollapse: 'rollback',
        checkpointEvery: { steps: 16 },
        runDir: pathOf(`quarters-${where.single ?? where.workers}`),
      });
      const steps: number[] = [];
      const factors: number[] = [];
      for await (const event of run) {
        if (event.type === 'step') steps.push(event.step);
        if (event.type === 'rolled-back') factors.push(event.learningRateFactor);
      }
      const { outcome, rollbacks, samplesApplied } = await run.result;
      expect(factors[0]).toBe(0.5);
      expect(rollbacks.map(({ learningRateFactor }) => learningRateFactor)).toEqual(factors);
      // What was given up is in the iteration, and not in the figures.
      expect(steps.length).toBeGreaterThan(128);
      expect({ outcome, steps: steps.at(-1), samplesApplied }).toEqual({
        outcome: 'completed',
        steps: 128,
        samplesApplied: 4 * 1024,
      });
    },
  );

  it('says in a line that a batch is larger than the data', async () => {
    const workload = pathOf('small.mjs');
    writeFileSync(workload, LINE);
    const notes: string[] = [];
    const where = { runDir: pathOf('small'), single: true, maxSteps: 1, onNote: (line: string) => notes.push(line) };
    await train({ ...where, workload, globalBatchSize: 128, deterministic: true }).result;
    expect(notes).toContain(
      'globalBatchSize (128) is larger than the training data (64 samples): every step takes all of it',
    );
  });

  it('trains nothing when its signal was aborted before', async () => {
    const run = train({ ...SETTINGS, runDir: pathOf('never'), single: true, signal: AbortSignal.abort() });
    await expect(run.result).rejects.toThrow('aborted');
  });

  it.each<[TrainOptions, string]>([
    [{ ...SETTINGS, threads: 2 }, 'a deterministic run has one thread per worker: leave out threads: 2'],
    [{ workers: 0 }, 'workers (0) must be a whole number, 1 or more'],
    [{ onCollapse: 'pray' } as unknown as TrainOptions, 'onCollapse (pray) must be one of halt, rollback, continue'],
    [{ workers: 2, single: true }, 'leave out workers, or single'],
    [{ resume: 'runs/x', seed: 3 }, 'a run that is resumed has its own settings and folder: leave seed out'],
    [{ optimizer: { momentum: 0.9 } } as TrainOptions, 'optimizer: adam has no momentum'],
    [{ epoch: 3 } as TrainOptions, 'there is no setting "epoch"; did you mean "epochs"?'],
    [{ config: '/none/convoy.json' }, "can't read /none/convoy.json: there is no such file or folder"],
    [
      { callbacks: { modelCheckpoint: { monitor: 'val_mean_absolute_error' } } },
      'modelCheckpoint monitors val_mean_absolute_error, and this model is measured by its accuracy',
    ],
    [{ ...SETTINGS, runDir: pathOf('single'), single: true }, 'already holds a run'],
  ])('throws an OperatorError to who waits and to who iterates: %j', async (options, message) => {
    const run = train(options);
    const refusal = await run.result.catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(OperatorError);
    expect((refusal as OperatorError).message).toContain(message);
    await expect(typesOf(run)).rejects.toBe(refusal);
  });

  it('computes with as many threads as TensorFlow was loaded with in this process, or not at all', async () => {
    if (!engine.startsWith('tensorflow')) return console.info(`NOT CHECKED: other threads than before, of ${engine}`);
    const { result } = train({
      ...SETTINGS,
      deterministic: false,
      runDir: pathOf('threads'),
      single: true,
      threads: 2,
    });
    await expect(result).rejects.toThrow('was loaded in this process with threads: 1');
  });

  it('listens to no signal and to no other event of the process', () => {
    expect(listeners()).toEqual(listenersBefore);
  });
});
