import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Convoy, eventsOf, PROGRAM, temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
/** A name that a shell takes for something else unless it is quoted. */
const place = join(folder.path, "it's my $HOME");
const bin = join(folder.path, 'bin');

const LINE = `export default {
  name: 'line',
  inputType: 'float32',
  loss: 'meanSquaredError',
  model: [
    { type: 'input', name: 'x', shape: [1] },
    { type: 'dense', name: 'y', units: 1, activation: 'linear' },
  ],
  dataset: () => ({
    trainCount: 64,
    testCount: 8,
    read(split, index, input) {
      input[0] = ((index * 37) % 64) / 63;
      return 3 * input[0] - 1;
    },
  }),
  settings: { epochs: 1000, globalBatchSize: 8, validationSplit: 0, optimizer: { name: 'sgd', learningRate: 0.01 } },
};`;

beforeAll(() => {
  for (const path of [place, bin]) mkdirSync(path);
  writeFileSync(join(place, "line's model.mjs"), LINE);
  // npx as it is where the package is installed; here it would look for one.
  const npx = `#!/bin/sh\ncase "$1" in convoy | tfjs-convoy) ;; *) exit 99 ;; esac\nshift\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`;
  writeFileSync(join(bin, 'npx'), npx);
  chmodSync(join(bin, 'npx'), 0o755);
  mkdirSync(join(place, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(PROGRAM, join(place, 'node_modules', '.bin', 'convoy'));
});

interface PastedEnd {
  readonly code: number | null;
  readonly stderr: string;
}

/** Pastes a line into a shell. */
function paste(line: string, onLine: (line: string) => void = () => {}): Promise<PastedEnd> {
  const child = spawn('bash', ['-c', line], {
    cwd: place,
    env: { ...process.env, PATH: `${bin}:${process.env['PATH']}`, CONVOY_CACHE_DIR: join(folder.path, 'cache') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (text) => {
    lines.push(text);
    onLine(text);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stderr: lines.join('\n') })));
}

const WORKLOAD = ['--workload', "line's model.mjs"];

describe('a command that is printed to be pasted', () => {
  it('goes on with a run that was stopped, in a folder of any name and with its workload', async () => {
    const run = new Convoy(
      ['train', '--single', ...WORKLOAD, '--epochs', '100000', '--checkpoint-every', '10', '--run-dir', 'my "run"'],
      {},
      place,
    );
    const [, pid] = await run.said(/^process (\d+); /);
    await run.said(/^epoch 1: /);
    process.kill(Number(pid), 'SIGTERM');
    const { code, stderr } = await run.finished;
    expect(code).toBe(143);
    const command = /Go on with: (.*)$/m.exec(stderr)![1]!;
    expect(command).toBe(
      `npx convoy train --resume 'my "run"' --single --workload 'line'\\''s model.mjs' --checkpoint-every 10`,
    );
    let again = 0;
    const pasted = await paste(command, (line) => {
      again = Number(/^process (\d+); /.exec(line)?.[1] ?? again);
      if (/ goes on after step /.test(line)) process.kill(again, 'SIGTERM');
    });
    expect(pasted).toMatchObject({
      code: 143,
      stderr: expect.stringMatching(/ goes on after step \d+ of 800000$/m) as string,
    });
  });

  it('looks at a run that has come to its end, evaluates it, exports it and goes on with it', async () => {
    const { code, stderr } = await new Convoy(
      ['train', '--single', ...WORKLOAD, '--epochs', '2', '--run-dir', 'done "run"'],
      {},
      place,
    ).finished;
    expect(code).toBe(0);
    const commands = [...stderr.matchAll(/^ {2}(?:see it|judge it|curves|use it|go on) +(npx convoy .*)$/gm)];
    expect(commands).toHaveLength(5);
    // The first serves a page until it is stopped.
    const [page, ...rest] = commands.map(([, command]) => command!);
    expect(page).toBe(`npx convoy dashboard 'done "run"'`);
    for (const command of rest) expect({ command, ...(await paste(command)) }).toMatchObject({ command, code: 0 });
    expect(eventsOf(join(place, 'done "run"')).filter(({ type }) => type === 'step')).toHaveLength(4 * 8);
  });

  it('starts a worker for a coordinator', async () => {
    const coordinator = new Convoy(
      ['coordinator', '--port', '0', '--deterministic', ...WORKLOAD, '--steps', '10', '--run-dir', 'served'],
      {},
      place,
    );
    const [, command] = await coordinator.said(/^ {2}(npx tfjs-convoy worker .*)$/);
    expect(command).toContain('--allow-workload');
    const worker = await paste(command!);
    expect(worker.stderr).not.toContain('convoy: ');
    expect(worker.code).toBe(0);
    expect((await coordinator.finished).code).toBe(0);
  });
});
