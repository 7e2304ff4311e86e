import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realData } from '@convoy/cifar10/real-data.fixture';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
import { convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const pathOf = (name: string) => join(folder.path, name);

function train(name: string, ...args: string[]) {
  return convoy(['train', '--deterministic', '--dataset', 'synthetic', '--json', '--run-dir', pathOf(name), ...args]);
}

function eventsOfType<Type extends RunEvent['type']>(name: string, type: Type) {
  return eventsOf(pathOf(name)).filter((event): event is Extract<RunEvent, { type: Type }> => event.type === type);
}

describe("the lesson's network at a learning rate that kills its relus", () => {
  it('is halted within its first epoch, with its own exit code, and says since when, why, and what to try', async () => {
    const { code, stdout, stderr } = await train(
      'halted',
      ...['--single', '--lr', '0.03', '--batch-size', '16', '--synthetic-size', '2000', '--epochs', '1'],
    );
    expect(code).toBe(8);
    const { outcome, steps, health } = JSON.parse(stdout) as RunSummary;
    expect(outcome).toBe('halted');
    expect(steps).toBeLessThan(100);
    expect(health.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['dead-layer', 'not-learning']));
    expect(stderr).toMatch(/✘ dead-layer since step \d+: every unit of conv2d.* has had a gradient of exactly 0/);
    expect(stderr).toMatch(/halted: not-learning since step 1: loss .* where guessing has 2\.3026 and 10\.00 %/);
    expect(eventsOfType('halted', 'health')).toHaveLength(health.length);
  });
});

it('is found on the real images as well', async () => {
  const data = await realData(process.env['CIFAR10_DIR'], () => pathOf('data'));
  if (data === undefined) {
    console.info('NOT CHECKED: the real CIFAR-10 is not on this machine. Set CIFAR10_DIR to have it trained on.');
    return;
  }
  const run = ['--lr', '0.03', '--batch-size', '16', '--epochs', '1', '--single', '--deterministic', '--json'];
  const { code, stdout, stderr } = await convoy(['train', '--data-dir', data, ...run, '--run-dir', pathOf('real')]);
  expect(code).toBe(8);
  expect((JSON.parse(stdout) as RunSummary).steps).toBeLessThan(400);
  expect(stderr).toMatch(/halted: (not-learning|collapsed) since step \d+: .* where guessing has 2\.3026 and 10\.00 %/);
});

describe('a run that goes back when it collapses', () => {
  // With arithmetic that is the same on every processor, so it collapses and learns at the same rates everywhere.
  const RUN = [
    ...[...SHAPES, '--engine', 'wasm', '--deterministic', '--json', '--on-collapse', 'rollback', '--no-dropout'],
    ...['--optimizer', 'sgd', '--lr', '1', '--validation-split', '0', '--steps', '120', '--checkpoint-every', '16'],
    ...['--batch-size', '16', '--micro-batch', '8'],
  ];
  const go = (name: string, ...where: string[]) => convoy(['train', ...RUN, ...where, '--run-dir', pathOf(name)]);

  let single: RunSummary;
  beforeAll(async () => {
    single = summaryOf(await go('single', '--single'));
  });

  it('learns at a lower rate, and keeps what it gave up under another name', () => {
    const rollbacks = eventsOfType('single', 'rolled-back');
    expect(rollbacks.map(({ learningRateFactor }) => learningRateFactor)).toEqual([0.5, 0.25]);
    const lastSteps = eventsOfType('single', 'step').slice(-8);
    expect(lastSteps.reduce((sum, { loss }) => sum + loss, 0) / 8).toBeLessThan(0.5);
    expect(single).toMatchObject({ outcome: 'completed', steps: 120, samplesApplied: 7 * 250 + 8 * 16 });
    expect(single.rollbacks).toHaveLength(rollbacks.length);
    const abandoned = readdirSync(join(pathOf('single'), 'checkpoints')).filter((name) =>
      name.startsWith('abandoned-'),
    );
    expect(abandoned.length).toBeGreaterThan(0);
  });

  it('does so at the same steps, to the same parameters, with two workers', async () => {
    const cluster = summaryOf(await go('two', '--workers', '2', '--min-workers', '2'));
    expect(cluster.parametersSha256).toBe(single.parametersSha256);
    expect(cluster).toMatchObject({ health: single.health, rollbacks: single.rollbacks });
  });

  it('does so although it is killed in the midst of going back, and resumed with none of its options', async () => {
    const dying = { NODE_OPTIONS: `--import ${new URL('../support/die-in-rollback.mjs', import.meta.url).href}` };
    const killed = await convoy(['train', ...RUN, '--single', '--run-dir', pathOf('killed')], dying);
    expect(killed.code).not.toBe(0);
    expect(readdirSync(pathOf('killed'))).toContain('rollback-pending.json');
    const resumed = await convoy([
      'train',
      ...SHAPES,
      '--engine',
      'wasm',
      '--single',
      '--json',
      '--resume',
      pathOf('killed'),
    ]);
    expect(resumed.stderr).toMatch(/finished the rollback to step \d+ that was interrupted/);
    expect(summaryOf(resumed)).toMatchObject({
      parametersSha256: single.parametersSha256,
      rollbacks: single.rollbacks,
    });
    expect(readdirSync(pathOf('killed'))).not.toContain('rollback-pending.json');
    expect(eventsOfType('killed', 'rolled-back')).toHaveLength(single.rollbacks.length);
  });
});
