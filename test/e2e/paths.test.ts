import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convoy, temporaryFolder } from '../support/convoy.ts';
import { ONE_STEP as RUN } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string) => join(folder.path, name);

const LONG = 'x'.repeat(300);

beforeAll(async () => {
  writeFileSync(at('file'), 'somebody’s notes');
  mkdirSync(at('folder'));
  mkdirSync(at('foreign'));
  writeFileSync(at('foreign/config.json'), '{"editor": "vi"}');
  symlinkSync(at('circle'), at('circle'));
  const { code, stderr } = await convoy(['train', '--single', ...RUN, '--run-dir', at('run')]);
  expect(stderr).toContain('✔');
  expect(code).toBe(0);
});

const train = (...args: string[]) => ['train', '--single', ...RUN, ...args];

describe('a path that a user names and that can not be used', () => {
  it.each<[string, () => string[], RegExp]>([
    ['an address from a variable that is not set', () => ['coordinator', '--host', ''], /--host is empty: is the variable/],
    ['a run folder from a variable that is not set', () => train('--run-dir', ''), /--run-dir is empty: is the variable/],
    ['a run from a variable that is not set', () => ['history', ''], /an argument is empty: is the variable/],
    ['no run', () => ['evaluate'], /name the run's folder: convoy evaluate runs/],
    ['two runs', () => ['export', at('run'), '--run', at('other'), '--format', 'keras'], /name one run: \S+run, or --run \S+other/],
    ['a run folder that is a file', () => train('--run-dir', at('file')), /can't make the run's folder \S+file: something else of that name is there \(EEXIST\)/],
    ['a run folder below a file', () => train('--run-dir', at('file/run')), /can't make .*a part of the path is a file.*\(ENOTDIR/],
    ['a run folder with too long a name', () => train('--run-dir', at(LONG)), /the name is too long \(ENAMETOOLONG/],
    ['a run folder behind a circle of links', () => train('--run-dir', at('circle/run')), /its symbolic links lead in a circle \(ELOOP/],
    ['a run folder where nobody can make one', () => train('--run-dir', '/proc/convoy'), /can't make the run's folder \/proc\/convoy: .* \(ENOENT\)/],
    ['a cache where nobody can make one', () => ['data', 'fetch'], /can't make \/proc\/convoy\/cache: there is no such file or folder \(ENOENT\)/],
    ['a workload to start from where nobody can make one', () => ['init', '/proc/convoy/x', '--from', 'csv'], /can't write into \/proc\/convoy\/x: .*\(ENOENT/],
    ['a run folder that holds a run', () => train('--run-dir', at('run')), /run already holds a run: choose another folder with --run-dir/],
    ['a run folder with a configuration of something else', () => train('--run-dir', at('foreign')), /foreign\/config.json is no run's and would be overwritten/],
    ['a configuration that is a folder', () => train('--config', at('folder')), /can't read \S+folder: it is a folder, where a file must be/],
    ['a configuration that is not there', () => train('--config', at('none.json')), /can't read \S+none.json: there is no such file/],
    ['a workload that is a folder', () => ['summary', '--workload', at('folder')], /can't read the workload's file \S+folder: it is a folder/],
    ['a workload behind a circle of links', () => ['summary', '--workload', at('circle')], /\(ELOOP\)/],
    ['a data folder behind a circle of links', () => ['data', 'fetch', '--data-dir', at('circle')], /can't read \S+circle: .*\(ELOOP\)/],
    ['a run that is a file', () => ['history', at('file')], /file is no run's folder: it has no config.json/],
    ['a run with too long a name', () => ['checkpoints', at(LONG)], /\(ENAMETOOLONG\)/],
    ['a picture below a file', () => ['evaluate', at('run'), '--out', join(at('file'), 'x.svg')], /can't write \S+x.svg: a part of the path is a file/],
    ['an export below a file', () => ['export', at('run'), '--format', 'safetensors', '--out', join(at('file'), 'x.safetensors')], /can't write \S+: a part of the path is a file/],
    ['an image that is a folder', () => ['predict', at('run'), at('folder')], /can't read \S+folder: it is a folder/],
  ])('is one line that names it and says what to do: %s', async (_, command, line) => {
    const { code, stderr } = await convoy(command(), { CIFAR10_DIR: '', CONVOY_CACHE_DIR: '/proc/convoy/cache' });
    expect(stderr).toMatch(line);
    expect(stderr).not.toMatch(/Convoy's own|^\s+at /m);
    expect([2, 3]).toContain(code);
  }); // prettier-ignore

  it('is told before anything is made for the run: a file that holds no tokens', async () => {
    writeFileSync(at('notes'), 'not a token', { mode: 0o600 });
    const run = ['--run-dir', at('never-made')];
    const { code, stderr } = await convoy(['train', '--workers', '1', ...RUN, ...run, '--token-file', at('notes')]);
    expect(stderr).toMatch(/^convoy: \S+notes, line 1 is no token: [^\n]*$/);
    expect(code).toBe(2);
    expect(existsSync(at('never-made'))).toBe(false);
  });

  it('is not made for a run whose workers would all be turned away', async () => {
    const { code, stderr } = await convoy(train('--deterministic', '--threads', '2', '--run-dir', at('never-made')));
    expect(stderr).toBe('convoy: a deterministic run has one thread per worker: leave out --threads 2');
    expect(code).toBe(2);
    expect(existsSync(at('never-made'))).toBe(false);
  });

  it('is found by doctor, which makes a file there', async () => {
    const { code, stdout } = await convoy(['doctor', '--engine', 'wasm'], { CONVOY_CACHE_DIR: '/proc/convoy/cache' });
    expect(stdout).toMatch(/^! disk \(cache\) +can't write to \/proc\/convoy\/cache: .*\(ENOENT\)/m);
    expect(stdout).toMatch(/^✔ disk \(runs\) +[\d.]+ GB free/m);
    expect(code).toBe(0);
  });
});
