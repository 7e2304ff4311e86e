import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { NO_FOLDER, remoteScript } from './remote-script.ts';

/** Says what it was given, then that it was asked to leave, and ends with 7 then. */
const WORKER = `
process.on('SIGTERM', () => { console.log('asked to leave'); process.exit(7); });
setInterval(() => {}, 1000);
console.error(JSON.stringify([process.cwd(), process.env.CONVOY_TOKEN ?? null, process.argv.slice(1)]));`;

const children: ReturnType<typeof spawn>[] = [];
afterAll(() => children.forEach((child) => child.kill('SIGKILL')));

function begin(options: {
  readonly args?: readonly string[];
  readonly dir?: string | null;
  readonly command?: string;
}) {
  const { args = [], dir = '/', command = `${process.execPath} -e '${WORKER.replaceAll("'", `'\\''`)}' --` } = options;
  // As sshd does it: by a login shell.
  const child = spawn('sh', ['-c', remoteScript({ command, args, dir })], { stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => (await lines.next()).value as string;
  const code = once(child, 'exit').then(([code]) => code as number | null);
  return { child, line, code };
}

describe('the script that a remote machine runs', () => {
  it('hands over the folder, the token and the arguments as they are, and passes on signals and the exit code', async () => {
    const args = ['--url', 'ws://x:1', "it's $HOME; `id`"];
    const { child, line, code } = begin({ args });
    child.stdin.write('cw_secret\n');
    expect(JSON.parse(await line())).toEqual(['/', 'cw_secret', args]);
    child.stdin.write('TERM\n');
    expect(await line()).toBe('asked to leave');
    expect(await code).toBe(7);
  });

  it('asks the worker to leave when its input ends: whoever launched it is gone', async () => {
    const { child, line, code } = begin({});
    child.stdin.write('\n');
    expect(JSON.parse(await line())).toEqual(['/', process.env['CONVOY_TOKEN'] ?? null, []]);
    child.stdin.end();
    expect(await line()).toBe('asked to leave');
    expect(await code).toBe(7);
  });

  it.each([
    ['there is no such folder', { dir: '/no where' }, NO_FOLDER],
    ['there is no such command', { command: 'no-such-command worker' }, 127],
  ])('ends with a code of its own where %s', async (_, options, expected) => {
    const { child, line, code } = begin(options);
    // It may be over before it has read its input, as a worker over ssh may be.
    child.stdin.on('error', () => {}).write('\n');
    expect(await line()).toMatch(/no where|no-such-command/);
    expect(await code).toBe(expected);
  });
});
