import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory, write } from './clone.fixture.mjs';
import { findOnPath, lastLine, run } from './command.mjs';

const node = (body) => [process.execPath, '--eval', body];

test.each([
  ['exit 0', node(''), true],
  ['exit 3', node('process.exit(3)'), false],
  ['killed by SIGILL', node('process.kill(process.pid, "SIGILL")'), false],
  ['not found', ['no-such-program-anywhere'], false],
])('reports %s', async (outcome, command, ok) => {
  expect(await run(command, { timeoutMs: 30_000 })).toMatchObject({ ok, outcome });
});

test('keeps what a command writes', async () => {
  const result = await run(node('console.log("out"); console.error("err")'), { timeoutMs: 30_000 });
  expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
});

test('ends a command that takes too long', async () => {
  expect(await run(node('setInterval(() => {}, 1000)'), { timeoutMs: 50 })).toMatchObject({
    ok: false,
    outcome: 'not ended after 0.05 s',
  });
});

test('an interruption ends what the command has started, too', async () => {
  const interruption = new AbortController();
  // The grandchild holds the pipe: only when it is gone does the output end, and the promise settle.
  const body = `require('node:child_process').spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'],
    { stdio: 'inherit' }).on('spawn', () => process.kill(${process.pid}, 'SIGUSR2')); setInterval(() => {}, 1000);`;
  const started = new Promise((resolve) => process.once('SIGUSR2', resolve));
  const running = run(node(body), { signal: interruption.signal, timeoutMs: 30_000 });
  await started;
  interruption.abort(new Error('SIGINT'));
  await expect(running).rejects.toThrow('SIGINT');
});

test('the line that tells most is the last that names an error and is no stack frame', () => {
  expect(lastLine('WARNING: retrying\nERROR: no route\n[notice] upgrade pip\n')).toBe('ERROR: no route');
  expect(lastLine('Error: no route\n    at emitErrorCloseNT (node:internal)\n\n')).toBe('Error: no route');
  expect(lastLine('one\ntwo\n')).toBe('two');
  expect(lastLine('')).toBe('');
});

test('a program is found on PATH only when it can be started', () => {
  const [first, second] = [temporaryDirectory(), temporaryDirectory()];
  write(join(first, 'strip'), '');
  write(join(second, 'strip'), '');
  chmodSync(join(first, 'strip'), 0o644);
  chmodSync(join(second, 'strip'), 0o755);
  expect(findOnPath('strip', { PATH: `${first}::${second}` })).toBe(join(second, 'strip'));
  expect(findOnPath('strip', {})).toBe(undefined);
});
