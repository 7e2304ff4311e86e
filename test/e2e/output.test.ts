import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convoy, PROGRAM, temporaryFolder } from '../support/convoy.ts';
import { ONE_STEP as RUN, SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const run = join(folder.path, 'run');

beforeAll(async () => {
  expect((await convoy(['train', '--single', ...RUN, '--run-dir', run])).code).toBe(0);
});

/** Runs a line of bash in which "$@" is the command. */
function bash(
  line: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const child = spawn('bash', ['-c', line, 'bash', process.execPath, PROGRAM, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stderr })));
}

describe('output that can not be written', () => {
  it.each([
    ['config'],
    ['config', '--schema'],
    ['summary'],
    ['--help'],
    ['--version'],
    ['doctor', '--json'],
    ['checkpoints', run],
    ['checkpoints', run, '--json'],
    ['history', run],
    ['history', run, '--json'],
    ['evaluate', '--run', run],
    ['evaluate', '--run', run, '--json'],
    ['predict', '--run', run, '--index', '0'],
    ['predict', '--run', run, '--index', '0', '--json'],
    ['export', run, '--format', 'safetensors', '--force', '--json'],
    ['show', '--dataset', 'synthetic', '--count', '1', '--out', join(folder.path, 'grid.png')],
    ['train', '--single', ...RUN, '--json', '--run-dir', join(folder.path, 'again')],
  ])('is a failure, told in one line: %s %s', async (...args) => {
    const { code, stderr } = await bash('exec "$@" > /dev/full', args);
    expect(stderr).toMatch(/convoy: can't write the output: the disk is full \(ENOSPC\)/);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
  });

  it('is told to nobody when the reader has seen enough, and ends as SIGPIPE would end it', async () => {
    const { code, stderr } = await bash('"$@" 2> >(cat >&2) | true; exit ${PIPESTATUS[0]}', ['config', '--schema']);
    expect({ code, stderr }).toEqual({ code: 141, stderr: '' });
  });
});

describe('standard error', () => {
  // On processors for which TensorFlow has oneDNN's convolutions its library says so when it loads, whatever its log level.
  it.each([
    [['evaluate', '--run', run]],
    [['predict', '--run', run, '--index', '0']],
    [['doctor']],
    [['train', '--single', ...RUN, '--run-dir', join(folder.path, 'quiet')]],
  ])("has nothing of what TensorFlow's library says of itself: %s", async (args) => {
    const { code, stderr } = await convoy(args);
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/oneDNN|absl/);
  });
});

describe('a log that nobody watches', () => {
  it('has the first three steps, and then a line now and then', async () => {
    const args = ['train', '--single', ...SHAPES, '--steps', '60', '--run-dir', join(folder.path, 'log')];
    const { code, stderr } = await convoy(args);
    expect(code).toBe(0);
    const steps = [...stderr.matchAll(/^ {2}step (\d+)\/60 · /gm)].map(([, step]) => Number(step));
    expect(steps.slice(0, 3)).toEqual([1, 2, 3]);
    // Sixty steps take a second or two, and so many lines even a machine that is very busy does not get.
    expect(steps.length).toBeLessThan(20);
  });

  it('has only how it ended with --quiet, and what is wrong', async () => {
    const args = ['train', '--single', ...SHAPES, '--steps', '2', '--quiet', '--run-dir', join(folder.path, 'hush')];
    const { code, stderr } = await convoy(args);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^✔ test accuracy [^\n]*$/);
  });
});

describe('colours', () => {
  it('are not in a file, whatever the other stream or a CI is', async () => {
    const args = ['train', '--single', ...RUN, '--run-dir', join(folder.path, 'plain')];
    const { stderr } = await bash('CI=true "$@"', args);
    expect(stderr).toContain('✔');
    expect(stderr).not.toContain('\x1b');
  });
});
