import { afterAll, describe, expect, it } from 'vitest';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent } from '@convoy/protocol/run-events';
import { config } from './checkpoint.fixture.ts';
import { assertWritable, makeRunDirectory, readRunId, RunFolder } from './run-folder.ts';

const base = mkdtempSync(join(tmpdir(), 'convoy-run-folder-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const ignore = () => {};

const started: RunEvent = {
  at: 1,
  type: 'run-started',
  run: 'the-run',
  incarnation: 'i',
  totalSteps: 1,
  stepsPerEpoch: 1,
  trainSamples: 1,
  validationSamples: 1,
  testSamples: 1,
  parameterCount: 1,
};
const waiting = (workers: number): RunEvent => ({ at: 2, type: 'waiting', workers, minWorkers: 1 });

/** The folder of a run that logged its start and some more. */
function pastRun(name: string, more = 0): string {
  const path = join(base, name);
  const folder = new RunFolder(path, config, ignore);
  folder.log(started);
  for (let i = 0; i < more; i++) folder.log(waiting(i));
  folder.close();
  return path;
}

const logOf = (path: string) => readFileSync(join(path, 'events.jsonl'), 'utf8');

describe('RunFolder.reopen', () => {
  it('gives the run and its configuration back, and appends to its log', () => {
    const path = pastRun('whole', 2);
    const before = logOf(path);
    const { folder, run, config: found } = RunFolder.reopen(path, ignore);
    expect({ run, found, path: folder.path }).toEqual({ run: 'the-run', found: config, path });
    folder.log(waiting(7));
    folder.close();
    expect(logOf(path)).toBe(`${before}${JSON.stringify(waiting(7))}\n`);
  });

  it.each([
    ['of a few bytes', '{"at":1'],
    ['longer than a piece that is read', `{"at":${'1'.repeat(200_000)}`],
  ])('cuts off a torn last line %s', (name, torn) => {
    const path = pastRun(`torn ${name}`, 3);
    const before = logOf(path);
    appendFileSync(join(path, 'events.jsonl'), torn);
    const { folder } = RunFolder.reopen(path, ignore);
    folder.log(waiting(7));
    folder.close();
    expect(logOf(path)).toBe(`${before}${JSON.stringify(waiting(7))}\n`);
  });

  it.each([
    ['no folder', 'absent', ignore, 'is no run’s folder: it has no config.json'],
    [
      'a folder of something else',
      'else',
      (path: string) => mkdirSync(path),
      'is no run’s folder: it has no config.json',
    ],
    [
      'a damaged configuration',
      'cut',
      (path: string) => (pastRun('cut'), writeFileSync(join(path, 'config.json'), '{"recipe":')),
      'config.json is not JSON: it was changed or cut',
    ],
    [
      'a changed configuration',
      'changed',
      (path: string) => (
        pastRun('changed'),
        writeFileSync(join(path, 'config.json'), JSON.stringify({ ...config, seed: -1 }))
      ),
      'config.json is not a configuration of this version of Convoy: seed: ',
    ],
    [
      'no log',
      'logless',
      (path: string) => (pastRun('logless'), rmSync(join(path, 'events.jsonl'))),
      'there is no such file or folder (ENOENT)',
    ],
    [
      'a run that ended while it wrote its first line',
      'unborn',
      (path: string) => (pastRun('unborn'), writeFileSync(join(path, 'events.jsonl'), '{"at":1,"type":"run-st')),
      'ended before it began: start it anew with --run-dir ',
    ],
    [
      'a log of something else',
      'log',
      (path: string) => (pastRun('log'), writeFileSync(join(path, 'events.jsonl'), '{"at":1}\n')),
      'does not begin with the run’s start: it was changed',
    ],
  ])('refuses %s', (_, name, make, message) => {
    const path = join(base, name);
    make(path);
    expect(() => RunFolder.reopen(path, ignore)).toThrow(message.replaceAll('’', "'"));
  });
});

it('readRunId gives the id that the log begins with, and says in a line that there is no log', () => {
  expect(readRunId(pastRun('named', 2))).toBe('the-run');
  expect(() => readRunId(join(base, 'nowhere'))).toThrow(/^can't read .*events\.jsonl: there is no such file/);
});

describe('a new RunFolder', () => {
  it('refuses to write over another run', () => {
    const path = pastRun('twice');
    const message = 'already holds a run: choose another folder with --run-dir';
    expect(() => makeRunDirectory(path)).toThrow(message);
    expect(() => new RunFolder(path, config, ignore)).toThrow(message);
  });

  it('is not made over a configuration that is no run’s', () => {
    const path = join(base, 'foreign');
    mkdirSync(path);
    writeFileSync(join(path, 'config.json'), '{"editor":"vi"}');
    expect(() => makeRunDirectory(path)).toThrow(
      /foreign\/config\.json is no run's and would be overwritten: choose another folder/,
    );
    expect(readdirSync(path)).toEqual(['config.json']);
  });

  it('is refused where its checkpoints can not be written, before anything is', () => {
    const path = pastRun('sealed');
    assertWritable(path);
    mkdirSync(join(path, 'checkpoints'));
    assertWritable(path);
    expect(readdirSync(join(path, 'checkpoints'))).toEqual([]);
    if (!existsSync('/proc/self')) return console.info('NOT CHECKED: a folder that takes no file: /proc is not here');
    rmSync(join(path, 'checkpoints'), { recursive: true });
    symlinkSync('/proc/self', join(path, 'checkpoints'));
    expect(() => assertWritable(path)).toThrow(/can't write to the run's folder \S+sealed\/checkpoints: .*\(ENOENT/);
  });

  it('is made again where a crash came before the first event, wherever it came', () => {
    const whole = join(base, 'whole-new');
    new RunFolder(whole, config, ignore, { run: 'r' }).close();
    const files = readdirSync(whole);
    expect(files.sort()).toEqual(['config.json', 'events.jsonl', 'identity.json']);
    // Each file there or not, or half written beside its place.
    for (let left = 0; left < 1 << files.length; left++) {
      const path = join(base, `crashed-${left}`);
      mkdirSync(path);
      for (const [i, name] of files.entries()) {
        if (left & (1 << i)) writeFileSync(join(path, name), readFileSync(join(whole, name)));
        else writeFileSync(join(path, `${name}.partial`), '{');
      }
      const folder = new RunFolder(path, config, ignore, { run: 'the-run' });
      folder.log(started);
      folder.close();
      const again = RunFolder.reopen(path, ignore);
      expect(again).toMatchObject({ run: 'the-run', config });
      again.folder.close();
    }
  });

  it('can be looked into by its owner alone', () => {
    const path = join(base, 'runs', 'private');
    new RunFolder(path, config, ignore).close();
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('binds its configuration: a change before the first checkpoint is refused, and the field named', () => {
    const path = join(base, 'bound');
    const folder = new RunFolder(path, config, ignore, { run: 'the-run' });
    folder.log(started);
    folder.close();
    writeFileSync(join(path, 'config.json'), JSON.stringify({ ...config, seed: 5 }));
    expect(() => RunFolder.reopen(path, ignore)).toThrow(
      'config.json was changed since the run was made (config.seed is 7 there and 5 here): put it back',
    );
    const identity = readFileSync(join(path, 'identity.json'), 'utf8');
    writeFileSync(join(path, 'identity.json'), identity.replace('"seed": 7', '"seed": 5'));
    expect(() => RunFolder.reopen(path, ignore)).toThrow('identity.json was changed: restore it from a copy');
    rmSync(join(path, 'identity.json'));
    writeFileSync(join(path, 'config.json'), JSON.stringify(config));
    RunFolder.reopen(path, ignore).folder.close();
  });
});
