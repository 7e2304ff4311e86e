import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { freePort } from '@convoy/cli/chaos/free-port';
import { Convoy, convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { eventOf } from '../support/run-watch.ts';
import { Pace, WIDE } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
/** The lesson's CNN, for a few steps. */
const LESSON = [
  '--dataset',
  'synthetic',
  '--synthetic-size',
  '400',
  '--seed',
  '7',
  '--batch-size',
  '16',
  '--micro-batch',
  '4',
  '--validation-split',
  '0',
];

/** A run that lasts while the pace is slow. */
const RUN = [...WIDE, '--seed', '7', '--batch-size', '16', '--micro-batch', '4', '--validation-split', '0'];
const pace = new Pace(folder.path);
afterEach(() => pace.full());

function runDir(name: string): string[] {
  return ['--run-dir', join(folder.path, name)];
}

describe('convoy coordinator and convoy worker', () => {
  it('train together as convoy train does, and all exit 0, whoever starts first', async () => {
    const steps = ['--steps', '6', '--deterministic', '--json'];
    const alone = summaryOf(await convoy(['train', ...LESSON, ...steps, '--single', ...runDir('alone')]));

    const port = await freePort();
    const first = new Convoy(['worker', '--url', `ws://127.0.0.1:${port}`, '--threads', '1']);
    await first.said(/waiting for a coordinator at ws:/);
    const coordinator = new Convoy([
      'coordinator',
      '--port',
      String(port),
      '--min-workers',
      '2',
      ...LESSON,
      ...steps,
      ...runDir('apart'),
    ]);
    const [, command] = await coordinator.said(/npx tfjs-convoy (worker --url \S+ --threads 1)$/);
    const second = new Convoy(command!.split(' '));

    const together = summaryOf(await coordinator.finished);
    expect(together).toMatchObject({ workers: 2, steps: 6 });
    expect(together.parametersSha256).toBe(alone.parametersSha256);
    expect(together.testLoss).toBe(alone.testLoss);
    expect((await first.finished).code).toBe(0);
    expect((await second.finished).code).toBe(0);
  });

  it('turns away a worker that would compute other bits, in one line, and the worker exits 6', async () => {
    const coordinator = new Convoy([
      'coordinator',
      '--port',
      '0',
      '--deterministic',
      ...RUN,
      '--steps',
      '1',
      ...runDir('picky'),
    ]);
    const [, url] = await coordinator.said(/worker --url (\S+)/);
    const { code, stderr } = await convoy(['worker', ...WIDE, '--url', url!, '--threads', '2']);
    expect(code).toBe(6);
    expect(stderr).toContain(
      'a deterministic run needs one thread per worker, this one has 2: start it with --threads 1',
    );
    coordinator.process.kill('SIGTERM');
    expect((await coordinator.finished).code).toBe(143);
  });

  it('goes on when workers leave by SIGTERM, which exit with 0 or as they were told, and when one is killed', async () => {
    pace.slow();
    const options = ['--port', '0', ...RUN, '--deterministic', '--json'];
    const coordinator = new Convoy(
      ['coordinator', ...options, '--steps', '45', '--linger', '1', ...runDir('leaving')],
      pace.env,
    );
    const [, url] = await coordinator.said(/worker --url (\S+)/);
    const workers = [[], [], ['--early-exit-code', '75'], ['--early-exit-code', '75']].map(
      (more) => new Convoy(['worker', ...WIDE, '--url', url!, '--threads', '1', ...more], pace.env),
    );
    const pids = await Promise.all(
      workers.map(async (worker) => Number((await worker.said(/^worker (\d+): ready: rank/))[1])),
    );
    workers[0]!.process.kill('SIGTERM');
    // Slurm and systemd signal every process: the launcher, which passes it on, and the worker itself.
    for (const pid of [pids[2]!, workers[2]!.process.pid!]) process.kill(pid, 'SIGTERM');
    expect((await workers[0]!.finished).code).toBe(0);
    expect((await workers[2]!.finished).code).toBe(75);
    process.kill(pids[1]!, 'SIGKILL');
    const run = join(folder.path, 'leaving');
    const left = new Set<string>();
    await eventOf(run, 'worker-left', ({ workerId }) => left.add(workerId).size === 3);
    pace.full();

    const disturbed = summaryOf(await coordinator.finished);
    // The run is over: nothing was early.
    expect((await workers[3]!.finished).code).toBe(0);
    const undisturbed = summaryOf(
      await convoy(['train', ...RUN, '--deterministic', '--json', '--steps', '45', '--single', ...runDir('staying')]),
    );
    expect(disturbed.parametersSha256).toBe(undisturbed.parametersSha256);
    expect(disturbed.samplesApplied).toBe(undisturbed.samplesApplied);
    expect(eventsOf(run).filter(({ type }) => type === 'worker-left')).toHaveLength(3);
  });

  it("ends with a worker's own code though SIGTERM reaches it until it is gone", async () => {
    // It waits for another worker, so it leaves at once.
    const idle = ['--port', '0', '--min-workers', '2', ...RUN, ...runDir('idle')];
    const coordinator = new Convoy(['coordinator', ...idle], pace.env);
    const [, url] = await coordinator.said(/worker --url (\S+)/);
    const worker = new Convoy(
      ['worker', ...WIDE, '--url', url!, '--threads', '1', '--early-exit-code', '75'],
      pace.env,
    );
    const pid = Number((await worker.said(/^worker (\d+): ready: rank/))[1]);
    const beganMs = performance.now();
    const signalling = setInterval(() => {
      try {
        // Later it would be a second order, which ends it at once.
        if (performance.now() - beganMs < 1_000) process.kill(pid, 'SIGTERM');
      } catch {
        clearInterval(signalling);
      }
    }, 1);
    const { code } = await worker.finished;
    clearInterval(signalling);
    expect(code).toBe(75);
    coordinator.process.kill('SIGTERM');
    await coordinator.finished;
  });

  it('leaves in order when the terminal of a worker is closed', async () => {
    // Nobody listens on port 1: it waits.
    const worker = new Convoy(['worker', ...WIDE, '--url', 'ws://127.0.0.1:1', '--engine', 'wasm'], pace.env);
    const [, pid] = await worker.said(/^worker (\d+): waiting for a coordinator/);
    process.kill(Number(pid), 'SIGHUP');
    const { code, stderr } = await worker.finished;
    expect(stderr).toContain('done: asked to leave');
    expect(code).toBe(0);
  });

  it('says which port is busy, and exits 5', async () => {
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const { port } = busy.address() as { port: number };
    const { code, stderr } = await convoy([
      'coordinator',
      '--port',
      String(port),
      ...RUN,
      '--steps',
      '1',
      ...runDir('busy'),
    ]);
    expect(code).toBe(5);
    expect(stderr).toContain(`port ${port} on 127.0.0.1 is in use: choose another with --port`);
    await new Promise((resolve) => busy.close(resolve));
  });
});

describe('stopping', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'on %s saves the parameters, ends the workers, prints the JSON line and exits %d',
    async (signal, code) => {
      pace.slow();
      const args = ['train', ...RUN, '--steps', '100000', '--workers', '2', '--json', ...runDir(signal)];
      const run = new Convoy(args, pace.env);
      const [, first] = await run.said(/worker 0 joined: \S+:(\d+),/);
      const [, second] = await run.said(/worker 1 joined: \S+:(\d+),/);
      run.process.kill(signal);
      const finished = await run.finished;
      expect(finished.code).toBe(code);
      const summary = JSON.parse(finished.stdout) as { parametersSha256: string };
      expect(JSON.parse(readFileSync(join(folder.path, signal, 'parameters.json'), 'utf8'))).toMatchObject({
        sha256: summary.parametersSha256,
      });
      expect(eventsOf(join(folder.path, signal)).at(-1)).toMatchObject({ type: 'run-ended', outcome: 'interrupted' });
      for (const pid of [Number(first), Number(second)]) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    },
  );

  it('starts another worker process where one died, and comes to the same end', async () => {
    const args = ['train', ...RUN, '--deterministic', '--json', '--steps', '12'];
    pace.slow();
    const run = new Convoy([...args, '--workers', '1', ...runDir('replaced')], pace.env);
    const [, pid] = await run.said(/worker 0 joined: \S+:(\d+),/);
    process.kill(Number(pid), 'SIGKILL');
    await run.said(/another takes its place/);
    pace.full();
    const replaced = summaryOf(await run.finished);
    const undisturbed = summaryOf(await convoy([...args, '--single', ...runDir('undisturbed')]));
    expect(replaced.parametersSha256).toBe(undisturbed.parametersSha256);
  });

  it('leaves no worker behind when the program is killed outright', async () => {
    pace.slow();
    const args = ['train', ...RUN, '--steps', '100000', '--workers', '1', ...runDir('killed')];
    const run = new Convoy(args, pace.env);
    const [, pid] = await run.said(/worker 0 joined: \S+:(\d+),/);
    run.process.kill('SIGKILL');
    await ended(Number(pid));
  });
});

describe('wrong input', () => {
  it.each([
    [['train', '--epochs', 'many'], 2, "argument 'many' is invalid. It must be a whole number, 1 or more."],
    [['train', '--workers', '2', '--single'], 2, "option '--workers <n>' cannot be used with option '--single'"],
    [['status', 'nonsense'], 3, "nonsense is no run's folder: it has no config.json"],
    [['status', 'ws://h:99999'], 2, 'must look like ws://HOST:PORT'],
    [['stop', 'ws://u:p@localhost:7311'], 2, 'An address holds no secrets'],
    [['coordinator', '--port', '99999'], 2, 'a whole number from 0 to 65535'],
    [
      ['train', '--batch-size', '250', '--micro-batch', '32'],
      2,
      '--batch-size (250) must be a multiple of --micro-batch (32)',
    ],
    [['train', '--recipe', 'soup'], 2, 'Allowed choices are lesson, quick, strong, smoke.'],
    [['train', '--data-dir', '/nowhere', '--steps', '1'], 3, '--data-dir: '],
    [['worker', '--url', 'ftp://host'], 2, 'It must look like ws://HOST:PORT or wss://HOST:PORT.'],
    [['evaluate', '--run', '/nowhere'], 3, "/nowhere is no run's folder: it has no config.json"],
    [['trane'], 2, 'Did you mean train?'],
  ])('convoy %j exits %d with a line that says what to change', async (args, code, line) => {
    const finished = await convoy(args);
    expect(finished.code).toBe(code);
    expect(finished.stderr).toContain(line);
    expect(finished.stderr).not.toMatch(/^\s+at /m);
    expect(finished.stdout).toBe('');
  });

  it.each([
    '',
    'train',
    'coordinator',
    'worker',
    'evaluate',
    'summary',
    'recipes',
    'data fetch',
    'doctor',
    'checkpoints',
    'drain',
    'chaos',
  ])('convoy %s --help has an example', async (command) => {
    const { code, stdout } = await convoy([...command.split(' ').filter(Boolean), '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples?:\n {2}\$ convoy /);
  });
});

/** Waits until a process that is not our child is gone: `tail --pid` watches it. */
async function ended(pid: number): Promise<void> {
  const watch = spawn('tail', [`--pid=${pid}`, '-f', '/dev/null'], { stdio: 'ignore' });
  await new Promise((resolve) => watch.once('exit', resolve));
}
