import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHash } from 'node:crypto';
import type { RunEvent } from '@convoy/protocol/run-events';
import { convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const STEPS = 8;
/** A short run with a whole epoch's evaluations; four micro-batches a step, so that four workers have work. */
const RUN = [
  '--deterministic',
  '--dataset',
  'synthetic',
  '--synthetic-size',
  '600',
  '--steps',
  String(STEPS),
  '--seed',
  '7',
  '--batch-size',
  '32',
  '--micro-batch',
  '8',
  '--json',
];

type StepEvent = Extract<RunEvent, { type: 'step' }>;

function train(name: string, ...args: string[]) {
  return convoy(['train', ...RUN, '--run-dir', join(folder.path, name), ...args]);
}

describe('convoy train', () => {
  let reference: ReturnType<typeof summaryOf>;
  beforeAll(async () => {
    reference = summaryOf(await train('single', '--single'));
  });

  it('prints one JSON line with the result', () => {
    expect(reference).toMatchObject({ steps: STEPS, epochs: 0, workers: 1, samplesApplied: STEPS * 32 });
    expect(reference.parametersSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(reference.testAccuracy).toBeGreaterThan(0);
    expect(reference.testLoss).toBeGreaterThan(0);
    expect(reference.validationAccuracy).toBeGreaterThan(0);
    expect(reference.samplesPerSecond).toBeGreaterThan(0);
  });

  it.each([1, 2, 3, 4])(
    'ends with the same parameters, loss and accuracy with %d workers as in one process',
    async (workers) => {
      const { parametersSha256, testLoss, testAccuracy, validationAccuracy, samplesApplied } = summaryOf(
        await train(`workers-${workers}`, '--workers', String(workers), '--min-workers', String(workers)),
      );
      expect(parametersSha256).toBe(reference.parametersSha256);
      expect({ testLoss, testAccuracy, validationAccuracy, samplesApplied }).toEqual({
        testLoss: reference.testLoss,
        testAccuracy: reference.testAccuracy,
        validationAccuracy: reference.validationAccuracy,
        samplesApplied: reference.samplesApplied,
      });
    },
  );

  it('reports the same losses step by step, whatever the number of workers', () => {
    const losses = (name: string) =>
      eventsOf(join(folder.path, name))
        .filter((event): event is StepEvent => event.type === 'step')
        .map(({ loss }) => loss);
    expect(losses('workers-4')).toEqual(losses('single'));
    expect(losses('single')).toHaveLength(STEPS);
  });

  it('leaves a folder with the configuration, an event per step, and the parameters with their table', () => {
    const run = join(folder.path, 'workers-2');
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
    const vector = 904_718 * 4;
    for (const workers of [1, 2, 4]) {
      const steps = eventsOf(join(folder.path, `workers-${workers}`)).filter(
        (event): event is StepEvent => event.type === 'step',
      );
      const shared = steps.filter((step, i) => step.workers === workers && steps[i - 1]?.workers === workers).slice(1);
      expect(shared.length).toBeGreaterThan(2);
      const vectors = shared.map(({ bytesReceived, bytesSent }) => (bytesReceived + bytesSent) / vector);
      for (const count of vectors) expect(count / Math.floor(count)).toBeLessThanOrEqual(1.02);
      // Where the machine is busy a block may be leased twice; in an even step everyone has one lease.
      expect(Math.floor(Math.min(...vectors))).toBe(2 * workers);
    }
  });

  it('differs with another seed, without dropout, and without shuffling', async () => {
    const shorter = ['--steps', '2', '--single'];
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
    const { code, stdout } = await convoy([
      'evaluate',
      '--run',
      join(folder.path, 'workers-2'),
      '--json',
      '--threads',
      '1',
    ]);
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
    const { code, stderr, stdout } = await train('single', '--single');
    expect(code).toBe(2);
    expect(stderr).toContain('already holds a run: choose another folder with --run-dir');
    expect(stdout).toBe('');
    expect(existsSync(join(folder.path, 'single', 'parameters.bin'))).toBe(true);
  });
});
