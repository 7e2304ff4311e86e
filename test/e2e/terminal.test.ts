import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { eventsOf, PROGRAM, temporaryFolder } from '../support/convoy.ts';
import { ConvoyInTerminal } from '../support/terminal.ts';
import { ConvoyInTmux, hasTmux } from '../support/tmux.ts';
import { Pace, WIDE } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const RUN = ['train', ...WIDE, '--batch-size', '16', '--micro-batch', '4'];
const pace = new Pace(folder.path);
afterEach(() => pace.full());

describe('convoy train in a terminal', () => {
  it('trains to the end in one that has no size yet, and sends it a line at a time', async () => {
    const run = new ConvoyInTerminal([...RUN, '--single', '--steps', '4', '--run-dir', join(folder.path, 'no-size')], {
      rows: 0,
      columns: 0,
    });
    expect(await run.ended).toBe(0);
    expect(run.output).toContain('✔ test accuracy');
    expect(run.output).not.toMatch(/oneDNN|absl/);
    expect(run.output.length).toBeLessThan(100_000);
  });

  it('fits its view to a terminal that is resized, and leaves nothing of it behind after Ctrl-C', async () => {
    pace.slow();
    const args = [...RUN, '--workers', '2', '--steps', '4000', '--run-dir', join(folder.path, 'resized')];
    const run = new ConvoyInTerminal(args, { rows: 24, columns: 140 }, pace.env);
    await run.shown(/step \d+\/4000 · loss .* samples\/s/);
    await run.resize({ rows: 24, columns: 60 });
    // Two workers, with a pace as soon as they have one.
    await run.screenShows(/━|╸.*%.*left$/m, /^ {2}0 .* samples\/s$/m, /^ {2}1 .* samples\/s$/m);
    for (const line of await run.screen.lines()) expect(line.length).toBeLessThanOrEqual(60);
    await run.resize({ rows: 10, columns: 40 });
    await run.screenShows(/^. epoch 1\/.*%/m, /^ {2}step \d+\/4000 · loss [\d.]+$/m);
    run.control('c');
    expect(await run.ended).toBe(130);
    const left = (await run.screen.lines()).join('\n');
    expect(left).toContain('! interrupted');
    expect(left).not.toMatch(/━|─|⠋|samples\/s/);
    // The cursor is there again, and lines wrap.
    expect(run.output.lastIndexOf('\x1b[?25h')).toBeGreaterThan(run.output.lastIndexOf('\x1b[?25l'));
    expect(run.output.lastIndexOf('\x1b[?7h')).toBeGreaterThan(run.output.lastIndexOf('\x1b[?7l'));
  });

  it('leaves the terminal in order when it is killed', async () => {
    const path = join(folder.path, 'killed');
    pace.slow();
    const args = [...RUN, '--single', '--steps', '4000', '--run-dir', path];
    const run = new ConvoyInTerminal(args, { rows: 24, columns: 100 }, pace.env);
    await run.screenShows(/^. epoch 1\/.*%/m);
    const [, program] = processesOf(path);
    process.kill(program!, 'SIGKILL');
    expect(await run.ended).toBe(137);
    expect((await run.screen.lines()).join('\n')).not.toMatch(/━|─|epoch 1/);
    expect(run.output).toMatch(/\x1b\[\?25h(?:\x1b\[\?2026l)?$/);
  });

  it('stops with its workers at Ctrl-Z, goes on with them at SIGCONT, and comes to its end', async () => {
    const path = join(folder.path, 'stopped');
    pace.slow();
    const args = [...RUN, '--workers', '2', '--steps', '40', '--run-dir', path];
    const run = new ConvoyInTerminal(args, { rows: 24, columns: 120 }, pace.env);
    await run.shown(/step \d+\/40 · /);
    const processes = processesOf(path);
    // The launcher, the program, and its two workers.
    expect(processes).toHaveLength(4);
    run.control('z');
    await expect.poll(() => statesOf(processes), WITHIN).toEqual(['T', 'T', 'T', 'T']);
    pace.full();
    // As a shell does at fg: it knows of the launcher alone.
    process.kill(processes[0]!, 'SIGCONT');
    expect(await run.ended).toBe(0);
    expect(run.output).not.toContain(' left (');
  });
});

const IN_TMUX =
  'convoy train in tmux leaves nothing behind when its window is made narrower and shorter, and after Ctrl-C';
if (!hasTmux) it(IN_TMUX, () => console.info(`NOT CHECKED: ${IN_TMUX}: there is no tmux`));
else
  it(IN_TMUX, async () => {
    pace.slow();
    const args = [...RUN, '--workers', '2', '--steps', '4000', '--run-dir', join(folder.path, 'tmux')];
    const run = new ConvoyInTmux(args, { rows: 24, columns: 140 }, pace.env);
    try {
      const bars = () => run.lines().filter((line) => /^. epoch 1\//.test(line));
      const ofWorkers = () => run.lines().filter((line) => /^ {2}[01] .*samples\/s/.test(line));
      await expect.poll(() => [bars().length, ofWorkers().length], WITHIN).toEqual([1, 2]);
      const above = () => run.lines().filter((line) => /joined/.test(line));
      for (const size of [
        { rows: 24, columns: 60 },
        { rows: 14, columns: 60 },
        { rows: 30, columns: 100 },
      ]) {
        run.resize(size);
        // Its own lines are once there, and fit; those above are whole.
        await expect
          .poll(() => bars().map((line) => line.length < size.columns && line.length > size.columns - 45), WITHIN)
          .toEqual([true]);
        await expect.poll(() => ofWorkers().length, WITHIN).toBe(2);
        expect(above()).toHaveLength(2);
      }
      run.press('C-c');
      await expect.poll(() => run.lines().join('\n'), WITHIN).toMatch(/! interrupted by Ctrl-C[^]*Pane is dead/);
      expect([bars(), ofWorkers()]).toEqual([[], []]);
    } finally {
      run.close();
    }
  });

describe('convoy train behind the shell of npm', () => {
  it('saves a checkpoint and stops when that shell is killed, as "kill" of a npx does', async () => {
    const path = join(folder.path, 'orphan');
    const command = [process.execPath, PROGRAM, ...RUN, '--single', '--steps', '100000', '--run-dir', path];
    const shell = spawn('sh', ['-c', '"$@"; exit', 'sh', ...command], {
      env: { ...process.env, npm_lifecycle_script: "'convoy' train" },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    const closed = once(shell.stderr, 'close');
    shell.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (!stderr.includes(' joined') && (stderr + text).includes(' joined')) shell.kill('SIGTERM');
      stderr += text;
    });
    // Whoever writes to it has ended.
    await closed;
    expect(stderr).toContain('interrupted: stopped by SIGTERM');
    expect(eventsOf(path).at(-1)).toMatchObject({ type: 'run-ended', outcome: 'interrupted' });
  });
});

/** A busy machine takes its time; a process that is not stopped stays so. */
const WITHIN = { timeout: 60_000, interval: 50 };

interface Listed {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly args: string;
}

function listProcesses(): readonly Listed[] {
  const table = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' });
  return table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state, ...args]) => ({
      pid: Number(pid),
      parent: Number(parent),
      state: state![0]!,
      args: args.join(' '),
    }));
}

/** The launcher of a run, its program and the program's workers, in the order of their descent. */
function processesOf(runFolder: string): readonly number[] {
  const processes = listProcesses();
  const childrenOf = (parents: readonly Listed[]) =>
    processes.filter(({ parent }) => parents.some(({ pid }) => pid === parent));
  const launcher = childrenOf(processes.filter(({ args }) => args.includes('terminal.py') && args.includes(runFolder)));
  const program = childrenOf(launcher);
  return [...launcher, ...program, ...childrenOf(program)].map(({ pid }) => pid);
}

function statesOf(pids: readonly number[]): readonly (string | undefined)[] {
  const processes = listProcesses();
  return pids.map((pid) => processes.find((listed) => listed.pid === pid)?.state);
}
