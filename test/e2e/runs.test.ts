import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Convoy, convoy, temporaryFolder } from '../support/convoy.ts';
import { eventOf, steps } from '../support/run-watch.ts';
import { ConvoyInTerminal } from '../support/terminal.ts';
import { Pace, PACED_SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const pace = new Pace(folder.path);
const pathOf = (name: string) => join(folder.path, 'runs', name);

beforeAll(async () => {
  for (const [name, rate] of [
    ['slow', '0.001'],
    ['quick', '0.01'],
  ] as const) {
    const args = ['train', '--single', ...PACED_SHAPES, '--steps', '14', '--lr', rate, '--run-dir', pathOf(name)];
    expect((await convoy(args)).code).toBe(0);
  }
});

it('runs are listed with what they came to, and compared by the settings in which they differ', async () => {
  const listed = await convoy(['runs', join(folder.path, 'runs')]);
  expect(listed.stdout).toMatch(/^quick +ended +14\/14 .* %$/m);
  expect(listed.stdout).toMatch(/^slow +ended +14\/14 .* %$/m);
  const { stdout } = await convoy(['runs', 'compare', pathOf('slow'), pathOf('quick'), '--json']);
  const compared = JSON.parse(stdout) as {
    runs: unknown;
    settings: unknown;
    figures: Record<string, readonly string[]>;
  };
  expect(compared.runs).toEqual(['slow', 'quick']);
  expect(compared.settings).toEqual({ 'optimizer.learningRate': ['0.001', '0.01'] });
  expect(compared.figures['steps']).toEqual(['14/14', '14/14']);
  const ends = await Promise.all(
    ['slow', 'quick'].map(async (name) => (await eventOf(pathOf(name), 'run-ended')).parametersSha256.slice(0, 16)),
  );
  expect(new Set(ends).size).toBe(2);
  expect(compared.figures['parameters (sha256)']).toEqual(ends);
});

it('a run is deleted when that is meant, and not while it is served', async () => {
  const refused = await convoy(['runs', 'delete', pathOf('slow')]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('say --yes')]);
  const foreign = await convoy(['runs', 'delete', pathOf('slow'), folder.path, '--yes']);
  expect(foreign.code).toBe(3);
  const no = new ConvoyInTerminal(['runs', 'delete', pathOf('slow')], { rows: 24, columns: 200 });
  await no.shown(/\[y\/N\] /);
  no.type('n\r');
  expect(await no.ended).toBe(2);

  pace.slow();
  const serving = new Convoy(['train', '--single', ...PACED_SHAPES, '--steps', '100000', '--run-dir', pathOf('open')], pace.env); // prettier-ignore
  await steps(pathOf('open'), 1);
  const served = await convoy(['runs', 'delete', pathOf('open'), '--yes']);
  expect(served.stderr).toMatch(/run open is served by process \d+/);
  expect(served.code).not.toBe(0);
  serving.process.kill('SIGTERM');
  await serving.finished;

  const all = ['slow', 'quick', 'open'].map(pathOf);
  expect(all.filter((path) => !existsSync(path))).toEqual([]);
  expect((await convoy(['runs', 'delete', ...all, '--yes'])).code).toBe(0);
  expect(all.filter((path) => existsSync(path))).toEqual([]);
});
