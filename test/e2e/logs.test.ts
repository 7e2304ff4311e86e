import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Convoy, convoy, temporaryFolder } from '../support/convoy.ts';
import { eventOf } from '../support/run-watch.ts';
import { Pace, PACED_SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const pathOf = (name: string) => join(folder.path, name);

beforeAll(async () => {
  const args = ['train', '--single', ...PACED_SHAPES, '--steps', '14', '--run-dir', pathOf('done')];
  expect((await convoy(args)).code).toBe(0);
});

it('the log of a run is printed in words, by type with its figures, or as it is', async () => {
  const { stdout, stderr, code } = await convoy(['logs', pathOf('done')]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}The run starts: 14 steps/);
  expect(stdout).not.toContain('Step 3: loss');
  const steps = await convoy(['logs', pathOf('done'), '--type', 'step', '--lines', '2']);
  expect(steps.stdout).toMatch(/^.*Step 13: loss .*\n.*Step 14: loss .*\n?$/);
  const raw = await convoy(['logs', pathOf('done'), '--json']);
  expect(raw.stdout.trim()).toBe(readFileSync(join(pathOf('done'), 'events.jsonl'), 'utf8').trim());
});

it('a followed log goes on until the run ends, and lines that cannot be read are counted', async () => {
  const pace = new Pace(folder.path);
  pace.slow();
  const run = pathOf('live');
  const training = new Convoy(['train', '--single', ...PACED_SHAPES, '--steps', '14', '--run-dir', run], pace.env);
  await eventOf(run, 'step');
  const following = new Convoy(['logs', run, '--follow', '--type', 'step,run-ended']);
  pace.full();
  expect((await training.finished).code).toBe(0);
  const { code, stdout } = await following.finished;
  expect(code).toBe(0);
  expect(stdout.match(/Step \d+: loss/g)).toHaveLength(14);

  appendFileSync(join(run, 'events.jsonl'), '{"at":1,"type":"evaluated"}\n\u0000\u0001\nnull\n');
  const damaged = await convoy(['logs', run, '--type', 'step']);
  expect(damaged.stdout.match(/Step \d+: loss/g)).toHaveLength(14);
  expect([damaged.code, damaged.stderr]).toEqual([
    3,
    expect.stringMatching(/^convoy: 2 lines in the log of .* are damaged and are left out$/),
  ]);
});
