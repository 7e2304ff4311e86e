import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { ConvoyInTerminal } from '../support/terminal.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** Runs a command outside the clone. */
const convoy = (...args: readonly string[]) => new Convoy(args, {}, folder.path).finished;

const DATA = { images: ['images'], csv: ['data.csv'], arrays: [] } as const;

describe('convoy init', () => {
  it.each([
    { source: 'images', flags: [], file: 'workload.ts' },
    { source: 'csv', flags: ['--js'], file: 'workload.mjs' },
    { source: 'arrays', flags: [], file: 'workload.ts' },
  ] as const)('writes a workload from $source that trains as written', async ({ source, flags, file }) => {
    const name = `my ${source}`;
    const { code, stdout } = await convoy('init', name, '--from', source, ...flags);
    expect(code).toBe(0);
    expect(stdout).toBe(
      `wrote ${[file, ...DATA[source]].map((each) => join(name, each)).join(' and ')}\n` +
        `next: npx tfjs-convoy train --workload '${name}/${file}'\n`,
    );
    expect(readdirSync(join(folder.path, name)).sort()).toEqual([file, ...DATA[source]].sort());
    const training = [
      'train',
      '--workload',
      join(name, file),
      '--steps',
      '4',
      '--single',
      '--json',
      '--run-dir',
      source,
    ];
    expect(summaryOf(await convoy(...training))).toMatchObject({ outcome: 'completed', steps: 4 });
  });

  it('replaces no file unless it is told to', async () => {
    const path = join(folder.path, 'workload.ts');
    writeFileSync(path, 'mine');
    const refused = await convoy('init', '--from', 'arrays');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toBe(
      'convoy: workload.ts is already there: name another folder, or replace it with --force',
    );
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect((await convoy('init', '--from', 'arrays', '--force')).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toContain('defineWorkload');
  });

  it('asks in a terminal what the data are, until it is told', async () => {
    const name = join(folder.path, 'asked');
    const run = new ConvoyInTerminal(['init', name], { rows: 24, columns: 80 });
    await run.shown(/1, 2 or 3: /);
    run.type('4\r');
    const [, again] = await run.shown(/1, 2 or 3: .*(1, 2 or 3: )/s);
    expect(again).toBeDefined();
    run.type('csv\r');
    expect(await run.ended).toBe(0);
    expect(readdirSync(name).sort()).toEqual(['data.csv', 'workload.ts']);
  });

  it('writes nothing when the question is not answered', async () => {
    const name = join(folder.path, 'unanswered');
    const run = new ConvoyInTerminal(['init', name], { rows: 24, columns: 80 });
    await run.shown(/1, 2 or 3: /);
    run.control('d');
    expect(await run.ended).toBe(2);
    expect(run.output).toContain('convoy: nothing was chosen, nothing was written');
    expect(existsSync(name)).toBe(false);
  });

  it('says in one line what is missing, and what is in the way', async () => {
    expect(await convoy('init')).toMatchObject({
      code: 2,
      stderr: 'convoy: name your data: --from images, --from csv, --from arrays',
    });
    const { code, stderr } = await convoy('init', 'workload.ts/inside', '--from', 'csv');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^convoy: can't write into workload\.ts\/inside: .*\(ENOTDIR\); name another folder$/);
  });
});
