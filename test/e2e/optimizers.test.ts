import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { RunEvent } from '@convoy/protocol/run-events';
import { Convoy, convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { eventOf } from '../support/run-watch.ts';
import { PACED_SHAPES, Pace, SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** Four micro-batches a step, so that four workers have work. */
const RUN = [
  ...['--deterministic', '--seed', '7', '--steps', '16', '--json'],
  ...['--batch-size', '32', '--micro-batch', '8', '--validation-split', '0'],
];
const pace = new Pace(folder.path);
const MOMENTUM = [
  ...['--optimizer', 'sgd', '--momentum', '0.9', '--nesterov', '--clip-norm', '1'],
  ...['--schedule', 'cosine', '--warmup', '3'],
];
const ADAMW = ['--optimizer', 'adamw', '--weight-decay', '0.02', '--clip-norm', '1'];
const RMSPROP = [
  ...['--optimizer', 'rmsprop', '--momentum', '0.5', '--weight-decay', '0.01'],
  ...['--schedule', 'exponential', '--decay-steps', '4'],
];

const pathOf = (name: string) => join(folder.path, name);

async function digestOf(name: string, ...args: string[]): Promise<string> {
  return summaryOf(await convoy(['train', '--run-dir', pathOf(name), ...args])).parametersSha256;
}

function stepsOf(name: string) {
  return eventsOf(pathOf(name)).filter((event): event is Extract<RunEvent, { type: 'step' }> => event.type === 'step');
}

describe.each([
  ['sgd', [...SHAPES, ...RUN, ...MOMENTUM]],
  ['rmsprop', [...SHAPES, ...RUN, ...RMSPROP]],
  ['adamw', [...SHAPES, ...RUN, ...ADAMW]],
  ['lion', [...SHAPES, ...RUN, '--optimizer', 'lion', '--lr', '3e-4', '--weight-decay', '0.1']],
])('a training with %s', (optimizer, options) => {
  it('ends with the same parameters in one process and with two workers', async () => {
    const single = await digestOf(`${optimizer} single`, '--single', ...options);
    expect(await digestOf(`${optimizer} two`, '--workers', '2', '--min-workers', '2', ...options)).toBe(single);
  });
});

describe('a training with momentum and a schedule', () => {
  it('says the rate of every step', () => {
    const rates = stepsOf('sgd single').map(({ learningRate }) => learningRate);
    const warmup = [0, 1, 2].map((step) => 0.01 * (step / 3));
    const descent = Array.from({ length: 13 }, (_, step) => 0.005 * (1 + Math.cos((Math.PI * step) / 13)));
    for (const [step, rate] of [...warmup, ...descent].entries()) expect(rates[step]).toBeCloseTo(rate, 12);
    expect(rates).toHaveLength(16);
  });

  it('is resumed half-way with its velocity and its place in the schedule, on another number of workers', async () => {
    const run = pathOf('resumed');
    const where = ['--workers', '2', '--checkpoint-every', '2', '--run-dir', run];
    pace.slow();
    const first = new Convoy(['train', ...PACED_SHAPES, ...RUN, ...MOMENTUM, ...where], pace.env);
    await eventOf(run, 'step', ({ step }) => step >= 4);
    first.process.kill('SIGINT');
    expect((await first.finished).code).toBe(130);
    const [checkpoint] = readdirSync(join(run, 'checkpoints')).filter((name) => name.startsWith('step-'));
    expect(readdirSync(join(run, 'checkpoints', checkpoint!)).sort()).toEqual([
      'manifest.json',
      'parameters.bin',
      'sgd-velocity.bin',
      'state.json',
    ]);
    const { parametersSha256 } = summaryOf(
      await convoy(['train', ...SHAPES, '--workers', '1', '--json', '--resume', run]),
    );
    const { parametersSha256: whole } = eventsOf(pathOf('sgd single')).find(
      ({ type }) => type === 'run-ended',
    ) as Extract<RunEvent, { type: 'run-ended' }>;
    expect(parametersSha256).toBe(whole);
  });
});
