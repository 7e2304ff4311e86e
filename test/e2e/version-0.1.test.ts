import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const fixture = (...path: string[]) => fileURLToPath(new URL(`../fixtures/${path.join('/')}`, import.meta.url));
const fixtures = (name: string) => fixture('version-0.1', name);
const SHAPES = ['--workload', fixture('shapes.mjs')];
/** What version 0.1 reached without an interruption, by the fixture's name. */
const digests = JSON.parse(readFileSync(fixtures('digests.json'), 'utf8')) as Readonly<Record<string, string>>;

/** @returns a copy of a run's folder, to be resumed. */
function copyOf(name: string, purpose: string): string {
  const run = join(folder.path, `${name}-${purpose}`);
  cpSync(fixtures(name), run, { recursive: true });
  return run;
}

const resume = (run: string, ...args: string[]) =>
  convoy(['train', '--resume', run, '--engine', 'wasm', '--json', ...args]);

describe.each(['adamw', 'sgd'])('a run that version 0.1 stopped half-way, with %s', (name) => {
  it.each(['--single', '--workers 2'])('is resumed to the parameters that version 0.1 reached: %s', async (where) => {
    const run = copyOf(name, where);
    const finished = await resume(run, ...SHAPES, ...where.split(' '));
    expect(finished.stderr).not.toContain('damaged');
    expect(summaryOf(finished)).toMatchObject({
      outcome: 'completed',
      steps: 70,
      samplesApplied: 2120,
      parametersSha256: digests[name],
    });
    const steps = eventsOf(run).flatMap((event) => (event.type === 'step' ? [event.step] : []));
    expect(steps).toEqual(Array.from({ length: 70 }, (_, n) => n + 1));
  });

  it('is evaluated, listed and drawn', async () => {
    const run = copyOf(name, 'read');
    const evaluated = await convoy(['evaluate', '--run', run, ...SHAPES, '--engine', 'wasm', '--json']);
    expect(evaluated.code, evaluated.stderr).toBe(0);
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ step: 38, accuracy: name === 'adamw' ? 0.8 : 50 / 60 });
    const listed = await convoy(['checkpoints', run]);
    expect(listed.stdout).toContain('a resumed run starts from step 38');
    expect(listed.stdout).not.toContain('damaged');
    expect(await convoy(['history', run])).toMatchObject({ code: 0 });
  });

  it('has a config.json that gives the same settings', async () => {
    const path = join(fixtures(name), 'config.json');
    const { code, stdout, stderr } = await convoy(['config', '--config', path, ...SHAPES]);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject(JSON.parse(readFileSync(path, 'utf8')) as object);
  });
});

describe.each(['lesson', 'strong'])(
  'a run of the recipe %s that version 0.1 stopped before its first checkpoint',
  (name) => {
    it('is begun again by its config.json, to the parameters that version 0.1 reached', async () => {
      const summary = summaryOf(await resume(copyOf(name, 'resumed'), '--single'));
      expect(summary).toMatchObject({ steps: 2, samplesApplied: 32, parametersSha256: digests[name] });
    });

    it('has a config.json that gives the settings of its options', async () => {
      const common = ['--deterministic', '--seed', '7', '--dataset', 'synthetic', '--synthetic-size', '64'];
      const sizes = ['--steps', '2', '--batch-size', '16', '--micro-batch', '8'];
      const given = await convoy(['config', '--recipe', name, ...common, ...sizes]);
      const read = await convoy(['config', '--config', join(fixtures(name), 'config.json')]);
      expect(read).toMatchObject({ code: 0, stdout: given.stdout });
    });
  },
);
