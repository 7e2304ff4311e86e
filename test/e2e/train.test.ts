import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHash } from 'node:crypto';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
import { convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { SHAPES, WIDE, WIDE_VECTOR_BYTES } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const STEPS = 8;
const SETTINGS = ['--deterministic', '--steps', String(STEPS), '--seed', '7', '--json'];
const SIZES = ['--batch-size', '32', '--micro-batch', '8'];
/** A short run of the lesson's CNN, of four micro-batches a step, so that four workers have work. */
const LESSON = [...SETTINGS, ...SIZES, '--dataset', 'synthetic', '--synthetic-size', '600'];
/** The same of a model that computes next to nothing: for many workers. */
const LIGHT = [...SETTINGS, ...SIZES, ...WIDE];

type StepEvent = Extract<RunEvent, { type: 'step' }>;

function train(name: string, ...args: string[]) {
  return convoy(['train', '--run-dir', join(folder.path, name), ...args]);
}

function figuresOf({ parametersSha256, testLoss, testAccuracy, validationAccuracy, samplesApplied }: RunSummary) {
  return { parametersSha256, testLoss, testAccuracy, validationAccuracy, samplesApplied };
}

describe('convoy train', () => {
  let reference: RunSummary;
  let light: RunSummary;
  beforeAll(async () => {
    reference = summaryOf(await train('single', ...LESSON, '--single'));
    light = summaryOf(await train('light', ...LIGHT, '--single'));
  });

  it('prints one JSON line with the result', () => {
    expect(reference).toMatchObject({ steps: STEPS, epochs: 0, workers: 1, samplesApplied: STEPS * 32 });
    expect(reference.parametersSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(reference.testAccuracy).toBeGreaterThan(0);
    expect(reference.testLoss).toBeGreaterThan(0);
    expect(reference.validationAccuracy).toBeGreaterThan(0);
    expect(reference.samplesPerSecond).toBeGreaterThan(0);
  });

  it("ends with the same parameters, loss and accuracy of the lesson's CNN with two workers as in one process", async () => {
    expect(figuresOf(summaryOf(await train('two', ...LESSON, '--workers', '2', '--min-workers', '2')))).toEqual(
      figuresOf(reference),
    );
  });

  it.each([1, 2, 3, 4])(
    'ends with the same parameters, loss and accuracy with %d workers as in one process',
    async (workers) => {
      const where = ['--workers', String(workers), '--min-workers', String(workers)];
      const summary = summaryOf(await train(`workers-${workers}`, ...LIGHT, ...where));
      expect(figuresOf(summary)).toEqual(figuresOf(light));
    },
  );

  it('reports the same losses step by step, whatever the number of workers', () => {
    const losses = (name: string) =>
      eventsOf(join(folder.path, name))
        .filter((event): event is StepEvent => event.type === 'step')
        .map(({ loss }) => loss);
    expect(losses('workers-4')).toEqual(losses('light'));
    expect(losses('two')).toEqual(losses('single'));
    expect(losses('single')).toHaveLength(STEPS);
  });

  it('leaves a folder with the configuration, an event per step, and the parameters with their table', () => {
    const run = join(folder.path, 'two');
    expect(JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'))).toMatchObject({
      seed: 7,
      globalBatchSize: 32,
      microBatchSize: 8,
    });
    const types = eventsOf(run).map(({ type }) => type);
    expect(types[0]).toBe('run-started');
    expect(types.at(-1)).toBe('run-ended');
    expect(types.filter((type) => type === 'worker-joined')).toHaveLength(2);
    const table = JSON.parse(readFileSync(join(run, 'parameters.json'), 'utf8')) as {
      sha256: string;
      tensors: { name: string }[];
    };
    const bytes = readFileSync(join(run, 'parameters.bin'));
    expect(bytes.byteLength).toBe(904_718 * 4);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(table.sha256);
    expect(table.sha256).toBe(reference.parametersSha256);
    expect(table.tensors.map(({ name }) => name).slice(0, 2)).toEqual(['conv2d/kernel', 'conv2d/bias']);
  });

  it('sends little more than one gradient up per lease and one parameter vector down per worker', () => {
    for (const workers of [1, 2, 4]) {
      const steps = eventsOf(join(folder.path, `workers-${workers}`)).filter(
        (event): event is StepEvent => event.type === 'step',
      );
      const shared = steps.filter((step, i) => step.workers === workers && steps[i - 1]?.workers === workers).slice(1);
      expect(shared.length).toBeGreaterThan(2);
      const vectors = shared.map(({ bytesReceived, bytesSent }) => (bytesReceived + bytesSent) / WIDE_VECTOR_BYTES);
      for (const count of vectors) expect(count / Math.floor(count)).toBeLessThanOrEqual(1.02);
      // In an even step everyone has one lease. Where the machine is busy a block may be leased twice, or somebody miss a step.
      expect(vectors.map(Math.floor)).toContain(2 * workers);
    }
  });

  it('differs with another seed, without dropout, and without shuffling', async () => {
    const shorter = [...SHAPES, ...SETTINGS, '--steps', '2', '--single'];
    const [same, seed, dropout, shuffle] = await Promise.all([
      train('short', ...shorter),
      train('seed', ...shorter, '--seed', '8'),
      train('dropout', ...shorter, '--no-dropout'),
      train('shuffle', ...shorter, '--no-shuffle'),
    ]);
    const digests = [same, seed, dropout, shuffle].map((run) => summaryOf(run).parametersSha256);
    expect(new Set(digests).size).toBe(4);
  });

  it('evaluates its folder to the figures of the run', async () => {
    const { code, stdout } = await convoy(['evaluate', '--run', join(folder.path, 'two'), '--json', '--threads', '1']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      split: 'test',
      samples: 120,
      accuracy: reference.testAccuracy,
      loss: reference.testLoss,
      parametersSha256: reference.parametersSha256,
    });
  });

  it('refuses to write over another run', async () => {
    const { code, stderr, stdout } = await train('single', ...LESSON, '--single');
    expect(code).toBe(2);
    expect(stderr).toContain('already holds a run: choose another folder with --run-dir');
    expect(stdout).toBe('');
    expect(existsSync(join(folder.path, 'single', 'parameters.bin'))).toBe(true);
  });
});
