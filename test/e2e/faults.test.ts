import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '@convoy/cli/chaos/free-port';
import type { RunSummary } from '@convoy/protocol/run-events';
import { Convoy, convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { eventOf, eventsSoFar, expectSameResult, medianStepMs, serverPid } from '../support/run-watch.ts';
import { Wire } from '../support/wire.ts';
import { Pace, WIDE, WIDE_VECTOR_BYTES as VECTOR_BYTES } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const STEPS = 40;
/** Four micro-batches a step, more steps than an epoch; every test ends with the parameters of the same undisturbed run. */
const RUN = [...WIDE, '--deterministic', '--seed', '7', '--steps', String(STEPS), '--validation-split', '0', '--json'];
const pace = new Pace(folder.path);
afterEach(() => pace.full());
/** A worker that dies must not cost more than this when others are there, beside what some steps take on this machine. */
const RECOVERED_WITHIN_MS = 3_000;
const SOME_STEPS = 10;

const started: Convoy[] = [];
/** Workers' processes that compute, by the launcher whose child they are: a frozen one does not end with it. */
const computing = new Map<Convoy, number>();
afterAll(() => {
  for (const program of started) {
    if (program.process.exitCode !== null || program.process.signalCode !== null) continue;
    program.process.kill('SIGKILL');
    if (computing.has(program)) process.kill(computing.get(program)!, 'SIGKILL');
  }
});

function start(...args: string[]): Convoy {
  return begin(args, pace);
}

function begin(args: readonly string[], { env }: Pace): Convoy {
  const program = new Convoy(args, env);
  started.push(program);
  return program;
}

const pathOf = (name: string) => join(folder.path, name);

/** A coordinator of the common run, and how to start workers for it. */
async function coordinate(name: string, ...options: string[]) {
  const port = await freePort();
  const run = pathOf(name);
  const coordinator = start(
    'coordinator',
    '--port',
    String(port),
    '--run-dir',
    run,
    '--linger',
    '0',
    ...RUN,
    ...options,
  );
  await coordinator.said(/listening on/);
  const worker = (url = `ws://127.0.0.1:${port}`) => start('worker', ...WIDE, '--url', url, '--threads', '1');
  return { port, run, coordinator, worker };
}

/** The process that computes, once it has joined: its launcher's pid is another. */
async function pidOf(worker: Convoy): Promise<number> {
  const [, pid] = await worker.said(/^worker (\d+): ready/);
  computing.set(worker, Number(pid));
  return Number(pid);
}

let undisturbed: RunSummary;
beforeAll(async () => {
  undisturbed = summaryOf(await convoy(['train', '--single', ...RUN, '--run-dir', pathOf('undisturbed')]));
});

const expectUndisturbed = (summary: RunSummary) => expectSameResult(summary, undisturbed);

describe('a worker is killed', () => {
  it('while it waits', async () => {
    const { coordinator, worker } = await coordinate('idle', '--min-workers', '2');
    const victim = worker();
    process.kill(await pidOf(victim), 'SIGKILL');
    await victim.finished;
    const others = [worker(), worker()];
    expectUndisturbed(summaryOf(await coordinator.finished));
    for (const other of others) expect((await other.finished).code).toBe(0);
  });

  it.each([
    ['when it has its lease', 'down', VECTOR_BYTES],
    ['when half of its gradient is sent', 'up', VECTOR_BYTES / 2],
    ['when its gradient is sent', 'up', VECTOR_BYTES],
    ['when half of the next parameters are there', 'down', 1.5 * VECTOR_BYTES],
  ] as const)('%s', async (name, direction, bytes) => {
    const { port, run, coordinator, worker } = await coordinate(name.replaceAll(' ', '-'), '--min-workers', '3');
    const wire = await Wire.to(port);
    const victim = worker(wire.url);
    const others = [worker()];
    const pid = await pidOf(victim);
    let killedAtMs = 0;
    wire.at(direction, bytes, () => {
      killedAtMs = Date.now();
      process.kill(pid, 'SIGKILL');
    });
    // Two of three are not enough: so the third's loss is felt until somebody takes its place.
    others.push(worker());
    await victim.finished;
    others.push(worker());
    expectUndisturbed(summaryOf(await coordinator.finished));
    for (const other of others) expect((await other.finished).code).toBe(0);
    const events = eventsOf(run);
    expect(killedAtMs).toBeGreaterThan(0);
    expect(events.filter(({ type }) => type === 'worker-suspected')).not.toHaveLength(0);
    wire.close();
  });

  it('and the others go on within three seconds', async () => {
    const { port, run, coordinator, worker } = await coordinate('recovery', '--min-workers', '2');
    pace.slow();
    const wire = await Wire.to(port);
    const victim = worker(wire.url);
    let killedAtMs = 0;
    let workers = 0;
    // In the middle of its third gradient, or of the first by which the others are there.
    const killDuring = (gradient: number) =>
      wire.at('up', (gradient - 0.5) * VECTOR_BYTES, () => {
        workers = eventsSoFar(run).filter(({ type }) => type === 'worker-joined').length;
        if (workers < 3) return killDuring(gradient + 1);
        killedAtMs = Date.now();
        process.kill(pid, 'SIGKILL');
      });
    killDuring(3);
    const pid = await pidOf(victim);
    const others = [worker(), worker()];
    await victim.finished;
    await eventOf(run, 'step', ({ at }) => at > killedAtMs);
    pace.full();
    expectUndisturbed(summaryOf(await coordinator.finished));
    for (const other of others) expect((await other.finished).code).toBe(0);
    expect(workers).toBe(3);
    const steps = eventsOf(run).filter((event) => event.type === 'step');
    const before = steps.filter(({ at }) => at <= killedAtMs).slice(1);
    const after = steps[before.length + 1]!;
    expect(after.at - killedAtMs).toBeLessThan(RECOVERED_WITHIN_MS + SOME_STEPS * medianStepMs(before));
    wire.close();
  });
});

describe('a worker is frozen', () => {
  it('as all others are, for longer than dead, and takes part again when it thaws', async () => {
    const { port, run, coordinator, worker } = await coordinate('frozen', '--min-workers', '2', '--dead-after', '4');
    pace.slow();
    const wire = await Wire.to(port);
    const workers = [worker(wire.url), worker()];
    let pids: readonly number[] = [];
    const signal = (name: NodeJS.Signals) => pids.forEach((pid) => process.kill(pid, name));
    // In the middle of a gradient. All at once: on a fast machine a second worker would end the run before the first is dead.
    const freezeDuring = (gradient: number) =>
      wire.at('up', (gradient - 0.5) * VECTOR_BYTES, () =>
        pids.length < workers.length ? freezeDuring(gradient + 1) : signal('SIGSTOP'),
      );
    freezeDuring(3);
    pids = await Promise.all(workers.map(pidOf));
    const first = await eventOf(run, 'worker-left');
    const second = await eventOf(run, 'worker-left', ({ workerId }) => workerId !== first.workerId);
    const before = eventsSoFar(run).length;
    pace.full();
    signal('SIGCONT');
    for (const { workerId } of [first, second]) {
      await eventOf(run, 'worker-joined', (joined) => joined.workerId === workerId, before);
    }
    expectUndisturbed(summaryOf(await coordinator.finished));
    for (const each of workers) expect((await each.finished).code).toBe(0);
    wire.close();
  });

  it('by nothing but its own work, for longer than dead: it is not given up, not even suspected', async () => {
    const run = pathOf('blocked');
    // One micro-batch of eight samples, which blocks the thread that computes for six seconds.
    pace.slow(750);
    const sizes = ['--steps', '1', '--batch-size', '8', '--micro-batch', '8'];
    const blocked = start('train', '--workers', '1', '--dead-after', '4', ...RUN, ...sizes, '--run-dir', run);
    expect(summaryOf(await blocked.finished).steps).toBe(1);
    const events = eventsOf(run);
    expect(events.find((event) => event.type === 'step')!.stepMs).toBeGreaterThan(5_900);
    expect(events.map(({ type }) => type)).not.toContain('worker-suspected');
    expect(events.map(({ type }) => type)).not.toContain('released');
  });
});

describe('the server is killed', () => {
  it('again and again, and goes on from its checkpoints with the workers that waited for it', async () => {
    const port = await freePort();
    const run = pathOf('server');
    // One command starts the run and continues it, as systemd, Slurm and Kubernetes give it.
    const command = [
      '--port',
      String(port),
      '--checkpoint-every',
      '2',
      '--json',
      '--run-dir',
      run,
      '--or-resume',
      ...RUN,
    ];
    pace.slow();
    let coordinator = start('coordinator', ...command);
    const workers = [0, 1].map(() => start('worker', ...WIDE, '--url', `ws://127.0.0.1:${port}`, '--threads', '1'));
    for (const atStep of [4, 8, 12]) {
      await eventOf(run, 'step', ({ step }) => step >= atStep, eventsSoFar(run).length);
      process.kill(serverPid(run), 'SIGKILL');
      await coordinator.finished;
      coordinator = start('coordinator', ...command);
      await coordinator.said(/goes on after step/);
    }
    pace.full();
    const summary = summaryOf(await coordinator.finished);
    expectUndisturbed(summary);
    for (const worker of workers) expect((await worker.finished).code).toBe(0);
    // What was done twice was done alike.
    const losses = new Map<number, number>();
    for (const event of eventsOf(run)) {
      if (event.type !== 'step') continue;
      expect(losses.get(event.step) ?? event.loss).toBe(event.loss);
      losses.set(event.step, event.loss);
    }
    expect([...losses.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: STEPS }, (_, n) => n + 1));
    // The run is over: the same command prints its result, and other settings are refused.
    const { run: id, parametersSha256, testLoss } = summary;
    expect(summaryOf(await convoy(['coordinator', ...command]))).toMatchObject({ run: id, parametersSha256, testLoss });
    const other = await convoy(['coordinator', ...command, '--seed', '8']);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringContaining(`${run} holds a run with other settings (config.seed is 7 there and 8 here)`),
    ]);
  });

  it('is the only one on its run: a second refuses and says who has it', async () => {
    const { run, coordinator } = await coordinate('taken');
    const { code, stderr } = await convoy(['coordinator', '--port', '0', '--resume', run, ...WIDE]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      new RegExp(`is served by process ${serverPid(run)} on .*: stop it first, or resume another run`),
    );
    coordinator.process.kill('SIGTERM');
    await coordinator.finished;
  });
});

describe('a run is resumed', () => {
  it('with 4, then 1, then 3 workers, and with its newest checkpoint damaged, to the same end', async () => {
    const run = pathOf('resumed');
    const every = ['--checkpoint-every', '3', '--json'];
    const interrupt = async (program: Convoy, atStep: number) => {
      await eventOf(run, 'step', ({ step }) => step >= atStep, eventsSoFar(run).length);
      program.process.kill('SIGINT');
      expect((await program.finished).code).toBe(130);
    };
    pace.slow();
    await interrupt(start('train', '--workers', '4', ...every, '--run-dir', run, ...RUN), 5);
    damage(run, 'truncated');
    const second = start('train', '--workers', '1', ...every, ...WIDE, '--resume', run);
    await second.said(/is damaged and was passed over: parameters.bin has \d+ bytes/);
    await interrupt(second, 10);
    damage(run, 'flipped');
    pace.full();
    const third = start('train', '--workers', '3', ...every, ...WIDE, '--resume', run);
    await third.said(/is damaged and was passed over: parameters.bin is not what was written/);
    expectUndisturbed(summaryOf(await third.finished));
    // Done is done: there is nothing to go on with, and the result is the same.
    expectUndisturbed(summaryOf(await convoy(['train', '--single', '--json', ...WIDE, '--resume', run])));
  });

  it('without options that would make it another run', async () => {
    const { code, stderr } = await convoy(['train', '--resume', pathOf('resumed'), '--lr', '0.1']);
    expect(code).toBe(2);
    expect(stderr).toContain("option '--resume <folder>' cannot be used with option '--lr <rate>'");
  });

  function damage(run: string, how: 'truncated' | 'flipped'): void {
    const checkpoints = join(run, 'checkpoints');
    const newest = readdirSync(checkpoints)
      .filter((name) => name.startsWith('step-'))
      .sort()
      .at(-1)!;
    const file = join(checkpoints, newest, 'parameters.bin');
    const bytes = readFileSync(file);
    bytes[100_000]! ^= 1;
    writeFileSync(file, how === 'flipped' ? bytes : bytes.subarray(0, 100_000));
  }
});

describe('a straggler', () => {
  it('is not waited for, is named, and changes nothing', async () => {
    const { port, run, coordinator, worker } = await coordinate('straggler', '--min-workers', '3');
    mkdirSync(pathOf('straggling'));
    const straggling = new Pace(pathOf('straggling'));
    // Four seconds for each micro-batch.
    straggling.slow(500);
    const slow = begin(['worker', ...WIDE, '--url', `ws://127.0.0.1:${port}`, '--threads', '1'], straggling);
    await pidOf(slow);
    const { rank } = await eventOf(run, 'worker-joined');
    const others = [worker(), worker()];
    expectUndisturbed(summaryOf(await coordinator.finished));
    for (const each of [slow, ...others]) expect((await each.finished).code).toBe(0);
    const events = eventsOf(run);
    expect(medianStepMs(events)).toBeLessThan(2_000);
    const named = events.filter((event) => event.type === 'leased-again' && event.insteadOf.rank === rank);
    expect(named.length).toBeGreaterThan(0);
  });
});
