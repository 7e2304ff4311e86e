import { afterEach, describe, expect, it, vi } from 'vitest';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeServerMessage, encode } from '@convoy/protocol/codec';
import {
  PROTOCOL_VERSION,
  type Lease,
  type Ready,
  type Result,
  type ServerMessage,
  type WorkerMessage,
} from '@convoy/protocol/messages';
import type { GradientFormat } from '@convoy/protocol/run-config';
import type { Rollback, RunEvent } from '@convoy/protocol/run-events';
import { float32Bytes } from '@convoy/protocol/tensor';
import { testConfig } from '@convoy/training/config.fixture';
import { createOptimizer } from '@convoy/training/optimizer/optimizer';
import { SAMPLING_VERSION } from '@convoy/training/sampling';
import { closeCodes, type Connection } from '@convoy/transport/connection';
import { memoryPair } from '@convoy/transport/memory';
import { Parameters } from './parameters.ts';
import { RunFigures } from '@convoy/training/figures';
import { RunFolder } from '@convoy/run-store/run-folder';
import { serverCodec } from './serve.ts';
import type { Clock } from './clock.ts';
import { ParameterServer, type ServerOptions } from './server.ts';
import { packSpans } from '@convoy/protocol/lease-spans';
import { StepTracer } from './trace/step-tracer.ts';
import { HealthWatch, type CollapseAction } from './health-watch.ts';

const PARAMETERS = 5;
const digest = 'a'.repeat(64);
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Two steps of four samples in two micro-batches; five parameters. */
function start({
  minWorkers = 1,
  suspectAfterMs = 3_000,
  trainableCount = PARAMETERS,
  health = null,
  rollbackFactor = 1,
  maxWorkersPerAddress,
  tracer = null,
  leftBehind = [],
  rollBack,
  ...options
}: {
  deterministic?: boolean;
  gradientFormat?: GradientFormat;
  minWorkers?: number;
  suspectAfterMs?: number;
  trainableCount?: number;
} & Partial<
  Pick<ServerOptions, 'health' | 'tracer' | 'rollbackFactor' | 'rollBack' | 'maxWorkersPerAddress' | 'leftBehind'>
> = {}) {
  const config = testConfig({
    dataset: { name: 'synthetic', seed: 1, trainCount: 8, testCount: 1 },
    epochs: 1,
    globalBatchSize: 4,
    microBatchSize: 2,
    validationSplit: 0,
    ...options,
  });
  const path = join(mkdtempSync(join(tmpdir(), 'convoy-server-')), 'run');
  folders.push(join(path, '..'));
  const events: RunEvent[] = [];
  const clock = new ManualClock();
  const layout = { tensors: [], trainableCount };
  const plan = { trainSamples: 8, validationSamples: 0, testSamples: 0, stepsPerEpoch: 2, totalSteps: 2 };
  const folder = new RunFolder(path, config, () => {});
  const server = new ParameterServer({
    context: {
      identity: { run: 'r', incarnation: 'this-process' },
      config,
      layout: { plan, model: { hash: digest, parameterCount: PARAMETERS, ...layout }, dataFingerprint: digest },
      report: (fact) => {
        folder.log({ at: clock.now(), ...fact });
        events.push({ at: clock.now(), ...fact });
      },
      clock,
    },
    folder,
    parameters: new Parameters(new Float32Array(PARAMETERS), createOptimizer(config.optimizer, layout)),
    figures: new RunFigures('r', plan),
    checkpoints: null,
    health,
    rollbackFactor,
    tracer,
    leftBehind,
    ...(maxWorkersPerAddress === undefined ? {} : { maxWorkersPerAddress }),
    ...(rollBack === undefined ? {} : { rollBack }),
    coordinator: { minWorkers, suspectAfterMs },
  });
  return { server, events, path, clock };
}

/** A clock that stands still until it is told to go on. */
class ManualClock implements Clock {
  #nowMs = 1_000;
  readonly #alarms = new Map<symbol, { readonly atMs: number; readonly callback: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  exact(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const key = Symbol();
    this.#alarms.set(key, { atMs: this.#nowMs + delayMs, callback });
    return () => this.#alarms.delete(key);
  }

  /** Rings what is due on the way, in order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#alarms].sort(([, a], [, b]) => a.atMs - b.atMs);
      if (next === undefined || next[1].atMs > endMs) break;
      this.#alarms.delete(next[0]);
      this.#nowMs = Math.max(this.#nowMs, next[1].atMs);
      next[1].callback();
    }
    this.#nowMs = endMs;
  }
}

let peers = 0;

class Peer {
  readonly connection: Connection<ServerMessage, WorkerMessage>;
  readonly #messages: AsyncIterator<ServerMessage>;
  incarnation = '';

  /** @param address from which it comes; everybody has one of their own. */
  constructor(server: ParameterServer, address = `peer-${peers++}`) {
    const [memoryEnd, workerEnd] = memoryPair(serverCodec, { encode, decode: decodeServerMessage });
    // Judged by its silence, as a socket is.
    const serverEnd = new Proxy(memoryEnd, {
      get: (end, key) => {
        if (key === 'origin') return address;
        if (key === 'isLocal') return false;
        const value: unknown = Reflect.get(end, key);
        return typeof value === 'function' ? value.bind(end) : value;
      },
    });
    this.connection = workerEnd;
    this.#messages = workerEnd[Symbol.asyncIterator]();
    server.accept(serverEnd);
  }

  /** The next message of a type; those before it are passed over. */
  async next<Type extends ServerMessage['type']>(type: Type): Promise<Extract<ServerMessage, { type: Type }>> {
    for (;;) {
      const { value, done } = await this.#messages.next();
      if (done === true) throw new Error(`the connection ended before a ${type} came`);
      if (value.type === type) return value as Extract<ServerMessage, { type: Type }>;
    }
  }

  hello(workerId: string, changes: { protocolVersion?: number; threads?: number; secret?: string } = {}) {
    const { protocolVersion = PROTOCOL_VERSION, threads = 1, secret } = changes;
    this.connection.send({
      type: 'hello',
      protocolVersion,
      workerId,
      name: workerId,
      engine: { name: 'test', version: '1', threads },
      ...(secret === undefined ? {} : { secret }),
    });
  }

  async join(
    workerId: string,
    claims: {
      model?: string;
      data?: string;
      numerics?: string;
      sampling?: string;
      holding?: Ready['holding'];
      secret?: string;
    } = {},
  ): Promise<void> {
    this.hello(workerId, claims.secret === undefined ? {} : { secret: claims.secret });
    const { run, incarnation } = await this.next('welcome');
    this.incarnation = incarnation;
    const { model = digest, data = digest, numerics = digest, sampling = SAMPLING_VERSION, holding = null } = claims;
    this.connection.send({
      type: 'ready',
      run,
      incarnation,
      modelHash: model,
      dataFingerprint: data,
      numericsFingerprint: numerics,
      samplingVersion: sampling,
      holding,
    });
  }

  answer({ run, incarnation, task, step, block }: Lease, changes: Partial<Result> = {}): void {
    const gradient = float32Bytes(new Float32Array(PARAMETERS).fill(block.size * 2));
    const samples = block.size * 2;
    this.connection.send({
      type: 'result',
      run,
      incarnation,
      task,
      step,
      block,
      samples,
      lossSum: 1,
      metricSum: 1,
      computeMs: 1,
      gradient,
      ...changes,
    });
  }
}

describe('the parameter server', () => {
  it('trains to the end: parameters before the lease, an answer to each result, shutdown, a complete folder', async () => {
    const { server, events, path } = start();
    const peer = new Peer(server);
    await peer.join('w');
    for (let step = 0; step < 2; step++) {
      expect(await peer.next('parameters')).toMatchObject({ step });
      const lease = await peer.next('lease');
      expect(lease).toMatchObject({ step, block: { start: 0, size: 2 } });
      peer.answer(lease);
      await peer.next('accepted');
    }
    expect(await peer.next('shutdown')).toMatchObject({ completed: true });
    const { outcome, summary } = await server.ended;
    expect(outcome).toBe('completed');
    expect(summary).toMatchObject({ steps: 2, epochs: 1, samplesApplied: 8 });
    // Mean gradient 1 everywhere: Adam moves each parameter by its learning rate at each step.
    const bytes = readFileSync(join(path, 'parameters.bin'));
    expect(bytes.readFloatLE(0)).toBeCloseTo(-2e-3, 6);
    expect(events.map(({ type }) => type)).toEqual([
      'run-started',
      'waiting',
      'worker-joined',
      'resumed',
      'step',
      'step',
      'epoch-ended',
      'run-ended',
    ]);
  });

  it('says who computes what and for how long, and of a step when each result came in', async () => {
    const { server, events, clock } = start({ minWorkers: 2 });
    const [quick, late] = [new Peer(server), new Peer(server)];
    await quick.join('quick');
    await late.join('late');
    const leases = { quick: await quick.next('lease'), late: await late.next('lease') };
    clock.advance(300);
    quick.answer(leases.quick, { computeMs: 280.04 });
    await quick.next('accepted');
    clock.advance(200);
    expect(server.workers()).toMatchObject([
      { rank: 0, state: 'idle', lease: null },
      { rank: 1, state: 'computing', lease: { step: 0, work: 'gradient', block: { start: 1, size: 1 }, forMs: 500 } },
    ]);
    late.answer(leases.late, { computeMs: 490 });
    await late.next('accepted');
    expect(events.find(({ type }) => type === 'step')).toMatchObject({
      ...{ step: 1, stepMs: 500 },
      timing: {
        ...{ firstMs: 300, allMs: 500, waitMs: 200, serverMs: 0 },
        arrivals: [
          [0, 300, 280, 2],
          [1, 500, 490, 2],
        ],
      },
    });
    server.stop('enough');
    await server.ended;
  });

  it('asks only while steps are traced, and only of their leases, where the time goes', async () => {
    const tracer = new StepTracer({ first: 1, last: 1 });
    const { server, clock } = start({ tracer });
    const peer = new Peer(server);
    await peer.join('w');
    const lease = await peer.next('lease');
    clock.advance(1_000);
    const { clockMs } = await peer.next('alive');
    peer.connection.send({
      ...{ type: 'heartbeat', rssBytes: 1, tensors: 1 },
      clock: { aliveMs: clockMs!, heardMs: 5, sentMs: 6 },
    });
    expect(lease.trace).toBe(true);
    const { task, block } = lease;
    const spans = packSpans([{ kind: 'compute', fromMs: 5, toMs: 6 }]);
    peer.connection.send({ type: 'spans', task, block, leasedMs: 5, sentMs: 6, spans });
    peer.answer(lease);
    await peer.next('accepted');
    const second = await peer.next('lease');
    expect(second).not.toHaveProperty('trace');
    clock.advance(1_000);
    expect(await peer.next('alive')).toEqual({ type: 'alive' });
    expect(tracer.steps).toMatchObject([{ step: 1, leases: [{ workerId: 'w', told: { leasedMs: 5 } }] }]);
    expect(tracer.clockOf('w').measured).toBeGreaterThan(0);
    peer.answer(second);
    await server.ended;
  });

  it.each([
    ['that are none', new StepTracer({ first: 1, last: 2 }), new Uint8Array(25), closeCodes.malformed],
    ['that nobody asked for', null, packSpans([]), closeCodes.unexpected],
  ])('closes who sends spans %s', async (_, tracer, spans, code) => {
    const { server } = start({ tracer });
    const peer = new Peer(server);
    await peer.join('w');
    const { task, block } = await peer.next('lease');
    peer.connection.send({ type: 'spans', task, block, leasedMs: 5, sentMs: 6, spans });
    expect(await peer.connection.closed).toMatchObject({ code });
    server.stop('enough');
    await server.ended;
  });

  it.each<[string, Partial<Result>]>([
    ['of the wrong size', { gradient: new Uint8Array(4) }],
    ['over the wrong number of samples', { samples: 3 }],
    ['with more right than there are', { metricSum: 5 }],
  ])('closes the connection of a result %s, and leases the block to another worker', async (_, changes) => {
    const { server } = start();
    const bad = new Peer(server);
    await bad.join('bad');
    bad.answer(await bad.next('lease'), changes);
    expect((await bad.connection.closed).code).toBe(closeCodes.malformed);
    const good = new Peer(server);
    await good.join('good');
    expect(await good.next('lease')).toMatchObject({ step: 0, block: { start: 0, size: 2 } });
  });

  describe('with gradients in bfloat16', () => {
    const bfloat16 = (value: number) => new Uint8Array(Uint16Array.from({ length: PARAMETERS }, () => value).buffer);
    const FOUR = 0x4080;
    const NOT_A_NUMBER = 0x7fc0;

    it('takes two bytes for each slope, and sends the parameters in float32', async () => {
      const { server, events } = start({ gradientFormat: 'bfloat16' });
      const peer = new Peer(server);
      await peer.join('w');
      for (let step = 0; step < 2; step++) {
        expect((await peer.next('parameters')).values.byteLength).toBe(4 * PARAMETERS);
        peer.answer(await peer.next('lease'), { gradient: bfloat16(FOUR) });
      }
      await server.ended;
      // Over four samples: 1 for each of five slopes.
      expect(events.flatMap((event) => (event.type === 'step' ? [event.gradientNorm] : []))).toEqual(
        [0, 1].map(() => Math.sqrt(PARAMETERS)),
      );
    });

    it.each([
      ['malformed', 'in float32', float32Bytes(new Float32Array(PARAMETERS))],
      ['poisonous', 'that is not a number', bfloat16(NOT_A_NUMBER)],
    ] as const)('closes as %s the connection of a gradient %s', async (code, _, gradient) => {
      const { server } = start({ gradientFormat: 'bfloat16' });
      const [bad, good] = [new Peer(server), new Peer(server)];
      await bad.join('bad');
      await good.join('good');
      bad.answer(await bad.next('lease'), { gradient });
      expect((await bad.connection.closed).code).toBe(closeCodes[code]);
      expect(await good.next('lease')).toMatchObject({ step: 0 });
    });
  });

  it.each<[string, Partial<Result>]>([
    ['of no task, whatever its size', { task: 999_999, gradient: new Uint8Array(0) }],
    ['of another incarnation', { incarnation: 'before' }],
    ['of another run', { run: 'other' }],
    ['of the step before', { task: 0, step: 0 }],
  ])('answers stale to a result %s, and closes who sends more results than it has leases', async (_, changes) => {
    const { server, events } = start();
    const peer = new Peer(server);
    await peer.join('w');
    peer.answer(await peer.next('lease'));
    const lease = await peer.next('lease');
    peer.answer(lease, changes);
    await peer.next('stale');
    peer.answer(lease, changes);
    expect(await peer.connection.closed).toMatchObject({ code: closeCodes.unexpected });
    expect(events.filter(({ type }) => type === 'result-discarded')).toHaveLength(1);

    const other = new Peer(server);
    await other.join('v');
    other.answer(await other.next('lease'));
    expect((await server.ended).summary).toMatchObject({ steps: 2, samplesApplied: 8 });
  });

  it('closes who returns a lease that it does not have', async () => {
    const { server } = start({ minWorkers: 2 });
    const peer = new Peer(server);
    await peer.join('w');
    const { run, incarnation } = { run: 'r', incarnation: peer.incarnation };
    peer.connection.send({ type: 'lease-returned', run, incarnation, task: 0, step: 0, block: { start: 0, size: 1 } });
    expect(await peer.connection.closed).toMatchObject({ code: closeCodes.unexpected });
    server.stop('enough');
    await server.ended;
  });

  it.each([
    [
      'protocol',
      (peer: Peer) => peer.hello('w', { protocolVersion: PROTOCOL_VERSION + 1 }),
      'install the same version of Convoy on both',
    ],
    [
      'model',
      (peer: Peer) => void peer.join('w', { model: 'b'.repeat(64) }),
      'install the same version of Convoy on both',
    ],
    [
      'sampling',
      (peer: Peer) => void peer.join('w', { sampling: 'other/1' }),
      'install the same version of Convoy on both',
    ],
    ['data', (peer: Peer) => void peer.join('w', { data: 'b'.repeat(64) }), 'give it the same files with --data-dir'],
  ])('refuses another %s in one line that says what to do', async (reason, speak, advice) => {
    const { server } = start();
    const peer = new Peer(server);
    speak(peer);
    const closed = await peer.connection.closed;
    expect(closed.code).toBe(closeCodes.rejected);
    expect(closed.reason).toContain(advice);
    expect(reason).toBeTruthy();
  });

  it('takes the arithmetic of those who compute, not of one that came first and gave nothing', async () => {
    const { server } = start({ deterministic: true });
    const odd = new Peer(server);
    await odd.join('odd', { numerics: 'b'.repeat(64) });
    await odd.next('lease');
    odd.connection.send({ type: 'bye', reason: 'never mind' });
    await odd.connection.closed;
    const worker = new Peer(server);
    await worker.join('worker');
    worker.answer(await worker.next('lease'));
    await worker.next('accepted');
    worker.connection.send({ type: 'bye', reason: 'done' });
    await worker.connection.closed;
    const late = new Peer(server);
    await late.join('late', { numerics: 'b'.repeat(64) });
    expect((await late.connection.closed).reason).toContain("differs from the run's");
  });

  it('refuses more threads in a deterministic run only', async () => {
    for (const deterministic of [true, false]) {
      const { server } = start({ deterministic });
      const threaded = new Peer(server);
      threaded.hello('w', { threads: 2 });
      if (deterministic) expect((await threaded.connection.closed).reason).toContain('--threads 1');
      else await threaded.next('welcome');
    }
  });

  describe('in a deterministic run', () => {
    const other = 'b'.repeat(64);

    it('lets other arithmetic wait until a step is applied, and refuses it then', async () => {
      const { server, clock } = start({ deterministic: true });
      const first = new Peer(server);
      await first.join('first');
      const lease = await first.next('lease');
      const second = new Peer(server);
      await second.join('second', { numerics: other });
      await settled();
      clock.advance(1_000);
      await second.next('alive');
      first.answer(lease);
      await first.next('accepted');
      expect(await second.connection.closed).toMatchObject({ code: closeCodes.rejected });
      expect((await second.connection.closed).reason).toContain("differs from the run's");
    });

    it('takes any arithmetic otherwise', async () => {
      const { server } = start({ minWorkers: 2 });
      const [first, second] = [new Peer(server), new Peer(server)];
      await first.join('first');
      await second.join('second', { numerics: other });
      await second.next('lease');
    });

    it('does not wait for a peer that came first with arithmetic of its own and gives nothing', async () => {
      const { server, events, clock } = start({ deterministic: true });
      const idle = new Peer(server);
      await idle.join('idle', { numerics: other });
      await idle.next('lease');
      const honest = new Peer(server);
      await honest.join('honest');
      await settled();
      for (let second = 0; second < 11; second++) {
        clock.advance(1_000);
        for (const peer of [idle, honest]) peer.connection.send({ type: 'heartbeat', rssBytes: 1, tensors: 1 });
        await settled();
      }
      expect((await idle.connection.closed).code).toBe(closeCodes.goingAway);
      for (let step = 0; step < 2; step++) honest.answer(await honest.next('lease'));
      expect((await server.ended).outcome).toBe('completed');
      expect(events.filter(({ type }) => type === 'worker-rejected')).toHaveLength(0);
    });

    it('adds nothing that was computed with one arithmetic to what is computed with another', async () => {
      const { server, clock } = start({ deterministic: true, minWorkers: 2 });
      const odd = [new Peer(server), new Peer(server)];
      for (const [i, peer] of odd.entries()) await peer.join(`odd-${i}`, { numerics: other });
      odd[0]!.answer(await odd[0]!.next('lease'));
      await odd[0]!.next('accepted');
      const honest = [new Peer(server), new Peer(server)];
      for (const [i, peer] of honest.entries()) await peer.join(`honest-${i}`);
      await settled();
      for (const peer of odd) peer.connection.send({ type: 'bye', reason: 'never mind' });
      const leases = await Promise.all(honest.map((peer) => peer.next('lease')));
      expect(leases.map(({ step, block }) => [step, block.start])).toEqual([
        [0, 0],
        [0, 1],
      ]);
      clock.advance(1_000);
    });
  });

  it('skips a step whose gradient is not finite twice, and changes nothing', async () => {
    const { server, events, path } = start();
    const peer = new Peer(server);
    await peer.join('w');
    const gradient = float32Bytes(new Float32Array(PARAMETERS).fill(NaN));
    for (let attempt = 0; attempt < 4; attempt++) peer.answer(await peer.next('lease'), { gradient, lossSum: NaN });
    expect((await server.ended).summary.samplesApplied).toBe(0);
    expect(events.map(({ type }) => type).filter((type) => type.startsWith('step'))).toEqual([
      'step-retried',
      'step-skipped',
      'step-retried',
      'step-skipped',
    ]);
    expect(readFileSync(join(path, 'parameters.bin')).every((byte) => byte === 0)).toBe(true);
  });

  it('stops when asked, saves what there is, and hears nothing after it', async () => {
    const { server, events, path } = start();
    const peer = new Peer(server);
    await peer.join('w');
    const lease = await peer.next('lease');
    server.stop('enough');
    peer.answer(lease);
    expect((await server.ended).outcome).toBe('interrupted');
    await peer.connection.closed;
    expect(events.at(-1)).toMatchObject({ type: 'run-ended', reason: 'enough' });
    expect(existsSync(join(path, 'parameters.json'))).toBe(true);
  });
});

describe('a worker that lost its connection before the end', () => {
  async function ended() {
    const all = start();
    const [lost, other] = [new Peer(all.server), new Peer(all.server)];
    await lost.join('lost');
    await lost.next('lease');
    lost.connection.close(closeCodes.goingAway, 'reset');
    await lost.connection.closed;
    await other.join('other');
    all.clock.advance(3_000);
    all.server.stop('enough');
    await all.server.ended;
    return all;
  }

  it('is waited for, and told that the run is over', async () => {
    const { server } = await ended();
    expect(server.untold(15_000)).toBe(1);
    const farewell = server.farewell(15_000);
    const again = new Peer(server);
    again.hello('lost');
    expect(await again.next('shutdown')).toMatchObject({ reason: 'enough' });
    await farewell;
    expect(server.untold(15_000)).toBe(0);
  });

  it('before a server that crashed, and has not found the next one, is waited for as well', async () => {
    const { server } = start({ leftBehind: ['back', 'looking'] });
    const back = new Peer(server);
    await back.join('back');
    await back.next('lease');
    server.stop('enough');
    await server.ended;
    expect(server.untold(15_000)).toBe(1);
    const looking = new Peer(server);
    looking.hello('looking');
    expect(await looking.next('shutdown')).toMatchObject({ reason: 'enough' });
    expect(server.untold(15_000)).toBe(0);
  });

  it('is waited for no longer than it would take to come back', async () => {
    const { server, clock } = await ended();
    const farewell = server.farewell(15_000);
    clock.advance(15_000);
    await farewell;
    expect(server.untold(15_000)).toBe(0);
  });
});

/** Lets the server read what it was sent: its conversations are in this process. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('its workers', () => {
  const kinds = (events: readonly RunEvent[]) => events.map(({ type }) => type);

  it('hear every second that the server lives, without asking: a large result may hold their own sign of life up', async () => {
    const { server, clock } = start();
    const peer = new Peer(server);
    await peer.join('w');
    await peer.next('lease');
    for (let second = 0; second < 3; second++) {
      clock.advance(1_000);
      await peer.next('alive');
    }
  });

  it('are suspected without a sign of life, recover with one, and are gone after ten seconds', async () => {
    const { server, events, clock } = start();
    const peer = new Peer(server);
    await peer.join('w');
    await peer.next('lease');
    clock.advance(4_500);
    expect(kinds(events)).toContain('worker-suspected');
    peer.connection.send({ type: 'heartbeat', rssBytes: 1, tensors: 1 });
    await vi.waitFor(() => expect(kinds(events)).toContain('worker-recovered'), { timeout: 60_000 });
    clock.advance(12_000);
    expect(await peer.connection.closed).toMatchObject({ code: closeCodes.silent });
    expect(events).toContainEqual(expect.objectContaining({ type: 'worker-left', reason: 'nothing heard for 10 s' }));
  });

  it.each([
    [3_000, 1_000],
    [900, 300],
  ])('that are suspected after %d ms are asked for a sign of life every %d ms', async (suspectAfterMs, everyMs) => {
    const { server } = start({ suspectAfterMs });
    const peer = new Peer(server);
    peer.hello('a');
    expect(await peer.next('welcome')).toMatchObject({ heartbeatIntervalMs: everyMs });
  });

  it('keep their lease and their rank when they connect again, also while the old connection is half open', async () => {
    const { server, events } = start();
    const before = new Peer(server);
    await before.join('w');
    const lease = await before.next('lease');
    const after = new Peer(server);
    const { task, block } = lease;
    await after.join('w', { holding: { task, block } });
    expect(await before.connection.closed).toMatchObject({ code: closeCodes.superseded });
    after.answer(lease);
    await after.next('accepted');
    expect(events.filter(({ type }) => type === 'worker-joined')).toHaveLength(1);
    expect(kinds(events)).toEqual(expect.arrayContaining(['worker-suspected', 'worker-recovered', 'step']));
    expect(kinds(events)).not.toContain('released');
  });

  it('hold what they were given, and who claims another lease gets no room for its result', async () => {
    const { server } = start();
    const [peer, liar] = [new Peer(server), new Peer(server)];
    await peer.join('w');
    const { task, block } = await peer.next('lease');
    await liar.join('liar', { holding: { task, block } });
    expect(await liar.connection.closed).toMatchObject({
      code: closeCodes.unexpected,
      reason: 'it says that it holds a lease that it was not given',
    });
  });

  it('bring what they were given back although it was answered: they may not have heard of that', async () => {
    const { server } = start();
    const before = new Peer(server);
    await before.join('w');
    const lease = await before.next('lease');
    before.answer(lease);
    await before.next('accepted');
    before.connection.close(closeCodes.goingAway, 'reset');
    await before.connection.closed;
    const after = new Peer(server);
    await after.join('w', { holding: { task: lease.task, block: lease.block } });
    await after.next('cancel');
    after.answer(lease);
    await after.next('stale');
    await after.next('lease');
  });

  it('are not sent away for a stranger who knows their id and not their secret', async () => {
    const { server, events } = start();
    const honest = new Peer(server);
    await honest.join('w', { secret: 'mine' });
    const lease = await honest.next('lease');
    for (let i = 0; i < 20; i++) {
      const thief = new Peer(server);
      thief.hello('w', i % 2 === 0 ? {} : { secret: 'guessed' });
      expect((await thief.connection.closed).code).toBe(closeCodes.unexpected);
    }
    honest.answer(lease);
    await honest.next('accepted');
    expect(kinds(events)).not.toContain('worker-suspected');
    expect(kinds(events)).not.toContain('worker-quarantined');
    const again = new Peer(server);
    await again.join('w', { secret: 'mine' });
    await again.next('lease');
  });

  it('that join and leave without end fill no log', async () => {
    const { server, events } = start({ minWorkers: 2 });
    for (let i = 0; i < 2_000; i++) {
      const peer = new Peer(server);
      await peer.join(`w${i}`);
      peer.connection.send({ type: 'bye', reason: 'never mind' });
      await peer.connection.closed;
    }
    expect(events.length).toBeLessThan(600);
  });

  it('of one address are so many at most', async () => {
    const { server } = start({ minWorkers: 4, maxWorkersPerAddress: 2 });
    const crowd = [0, 1, 2].map(() => new Peer(server, 'one-address'));
    for (const [i, peer] of crowd.entries()) await peer.join(`w${i}`);
    expect((await crowd[2]!.connection.closed).code).toBe(closeCodes.full);
    crowd[0]!.connection.send({ type: 'bye', reason: 'done' });
    await crowd[0]!.connection.closed;
    const next = new Peer(server, 'one-address');
    await next.join('next');
    server.stop('enough');
    await next.next('shutdown');
  });

  it('are asked to leave by their rank: they deliver what they hold, get nothing more and say bye', async () => {
    const { server, events } = start();
    const peer = new Peer(server);
    await peer.join('w');
    const lease = await peer.next('lease');
    expect(server.drain(7)).toBe(false);
    expect(server.drain(0)).toBe(true);
    await peer.next('drain');
    // Nobody is left who could be given work.
    expect(await peer.next('pause')).toMatchObject({ reason: 'the run waits until 1 worker is ready' });
    peer.answer(lease);
    await peer.next('accepted');
    peer.connection.send({ type: 'bye', reason: 'the coordinator asked this worker to leave' });
    await peer.connection.closed;
    expect(events).toContainEqual(expect.objectContaining({ type: 'worker-left', workers: 0 }));
    expect(kinds(events)).not.toContain('worker-quarantined');
  });

  it('are told that they get no work, for how long and why', async () => {
    const { server, clock } = start();
    const peer = new Peer(server);
    await peer.join('w');
    const { run, incarnation, task, step, block } = await peer.next('lease');
    peer.connection.send({ type: 'lease-returned', run, incarnation, task, step, block });
    const { forMs, reason } = await peer.next('quarantined');
    expect({ forMs, reason }).toEqual({ forMs: 1_000, reason: 'it returns its leases' });
    clock.advance(forMs);
    await peer.next('lease');
  });

  it('are not read any more once they were sent away', async () => {
    const { server, events } = start();
    const bad = new Peer(server);
    await bad.join('bad');
    const lease = await bad.next('lease');
    bad.answer(lease, { samples: 3 });
    bad.answer(lease);
    expect((await bad.connection.closed).code).toBe(closeCodes.malformed);
    expect(kinds(events)).toContain('worker-quarantined');
    const again = new Peer(server);
    await again.join('bad');
    expect(await again.next('quarantined')).toMatchObject({ forMs: 1_000, reason: 'its quarantine goes on' });
    const good = new Peer(server);
    await good.join('good');
    await good.next('lease');
    expect(kinds(events)).not.toContain('step');
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'worker-left', reason: expect.stringContaining('3 samples') }),
    );
  });

  it.each([NaN, Infinity, 1e30])('are sent away with a gradient of %d, and the others decide', async (value) => {
    const { server, events } = start({ minWorkers: 2 });
    const [bad, good] = [new Peer(server), new Peer(server)];
    await bad.join('bad');
    await good.join('good');
    const gradient = float32Bytes(new Float32Array(PARAMETERS).fill(value));
    bad.answer(await bad.next('lease'), { gradient });
    expect(await bad.connection.closed).toMatchObject({ code: closeCodes.poisonous });
    expect(kinds(events)).toEqual(
      expect.arrayContaining(['result-discarded', 'worker-quarantined', 'worker-left', 'waiting']),
    );
    good.answer(await good.next('lease'));
    const third = new Peer(server);
    await third.join('third');
    expect(await good.next('lease')).toMatchObject({ step: 0 });
  });

  it('are closed with a loss that no float32 add up to, whatever their gradient', async () => {
    const { server, events } = start();
    const liar = new Peer(server);
    await liar.join('liar');
    liar.answer(await liar.next('lease'), { lossSum: 1e308 });
    expect((await liar.connection.closed).code).toBe(closeCodes.malformed);
    expect(kinds(events)).not.toContain('step');
  });

  it.each([NaN, Infinity, -1])('are sent away with a loss of %d', async (lossSum) => {
    const { server, events } = start({ minWorkers: 2 });
    const [bad, good] = [new Peer(server), new Peer(server)];
    await bad.join('bad');
    await good.join('good');
    bad.answer(await bad.next('lease'), { lossSum });
    expect(await bad.connection.closed).toMatchObject({ code: closeCodes.poisonous });
    expect(kinds(events)).toContain('worker-quarantined');
  });

  it('return one vector, of which the trained head alone has a length that counts', async () => {
    const { server, events } = start({ trainableCount: 2 });
    const peer = new Peer(server);
    await peer.join('w');
    const answer = async (tail: number) => {
      const lease = await peer.next('lease');
      const samples = lease.block.size * 2;
      const mean = Float32Array.of(3, 4, tail, tail, tail);
      peer.answer(lease, { gradient: float32Bytes(mean.map((value) => value * samples)) });
    };
    await answer(1e30);
    await peer.next('accepted');
    expect(events).toContainEqual(expect.objectContaining({ type: 'step', step: 1, gradientNorm: 5 }));
    await answer(NaN);
    await peer.next('lease');
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'step-retried', step: 1, reason: 'the gradient is not finite' }),
    );
  });

  it('that take no data in have one version of the parameters in their way, not all', async () => {
    const { server } = start();
    const peer = new Peer(server);
    await peer.join('w');
    await peer.next('lease');
    expect(peer.connection.bytesReceived).toBeLessThan(2_000);
  });

  it('who come when it is over are told how it ended', async () => {
    const { server } = start();
    server.stop('enough');
    await server.ended;
    const late = new Peer(server);
    late.hello('late');
    expect(await late.next('shutdown')).toEqual({ type: 'shutdown', completed: false, reason: 'enough' });
  });

  it('are told why they have nothing to do', async () => {
    const { server } = start({ minWorkers: 2 });
    const [first, second] = [new Peer(server), new Peer(server)];
    await first.join('a');
    await second.join('b');
    await first.next('lease');
    second.connection.close(closeCodes.goingAway, 'killed');
    expect(await first.next('pause')).toMatchObject({ reason: expect.stringContaining('until 2 workers') });
  });

  it('are told of a pause, those that join in it too, and stay; it leaves no trace in the figures', async () => {
    const { server, events, clock } = start();
    const first = new Peer(server);
    await first.join('a');
    const lease = await first.next('lease');
    server.pause(true);
    first.answer(lease);
    expect(await first.next('pause')).toMatchObject({ reason: 'an operator wants the run to pause' });
    const second = new Peer(server);
    await second.join('b');
    expect(await second.next('pause')).toMatchObject({ reason: 'an operator wants the run to pause' });
    clock.advance(2_500);
    server.pause(false);
    first.answer(await first.next('lease'));
    second.answer(await second.next('lease'));
    const { outcome, summary } = await server.ended;
    expect([outcome, summary.steps, summary.seconds]).toEqual(['completed', 2, 0]);
    const told = kinds(events).filter((type) => type !== 'worker-joined');
    expect(told).toEqual([
      'run-started',
      'waiting',
      'resumed',
      'step',
      'paused',
      'resumed',
      'step',
      'epoch-ended',
      'run-ended',
    ]);
  });

  it('get ten seconds for hello', async () => {
    const { server, events, clock } = start();
    const mute = new Peer(server);
    clock.advance(9_000);
    clock.advance(1_001);
    expect((await mute.connection.closed).code).toBe(closeCodes.handshakeTimeout);
    expect(events.at(-1)).toMatchObject({ type: 'connection-closed' });
  });
});

describe('RunFolder', () => {
  it('refuses a folder that holds a run', () => {
    const { path } = start();
    const again = () => new RunFolder(path, testConfig({ dataset: { name: 'cifar10' } }), () => {});
    expect(again).toThrow('already holds a run: choose another folder with --run-dir');
  });
});

describe('a training that has collapsed', () => {
  const finding = {
    kind: 'collapsed',
    severity: 'alarm',
    since: 1,
    step: 1,
    evidence: 'loss 2.3026',
    advice: 'another rate',
  } as const;

  const rollback: Rollback = { fromStep: 1, toStep: 0, kind: 'collapsed', since: 1, learningRateFactor: 0.5 };

  /** As it is after a resume from a checkpoint that knew of the collapse. */
  function watch(onCollapse: CollapseAction, rollbacks: readonly Rollback[] = []): HealthWatch {
    const settings = { classes: 10, warmupSteps: 0, tensors: [], onCollapse, rollbacks };
    const fresh = new HealthWatch({ ...settings, from: null }).snapshot();
    return new HealthWatch({ ...settings, from: { ...fresh, open: [finding], found: [finding] } });
  }

  async function answerOne(server: ParameterServer): Promise<Peer> {
    const peer = new Peer(server);
    await peer.join('w');
    peer.answer(await peer.next('lease'));
    return peer;
  }

  it('is halted before another step begins, and says what was found', async () => {
    const { server, events } = start({ health: watch('halt') });
    const peer = await answerOne(server);
    expect(await peer.next('shutdown')).toMatchObject({
      completed: false,
      reason: 'collapsed since step 1: loss 2.3026',
    });
    const { outcome, collapse, summary } = await server.ended;
    expect(outcome).toBe('halted');
    expect(collapse).toEqual(finding);
    expect(summary).toMatchObject({ steps: 1, health: [finding] });
    expect(events.filter(({ type }) => type === 'step')).toHaveLength(1);
  });

  it('goes back: nobody is told that the run is over, and who comes meanwhile tries again', async () => {
    const { server, events, path } = start({ health: watch('rollback'), rollBack: () => Promise.resolve(rollback) });
    const peer = await answerOne(server);
    await expect(peer.next('shutdown')).rejects.toThrow('the connection ended');
    expect((await peer.connection.closed).code).toBe(closeCodes.goingAway);
    const late = new Peer(server);
    late.hello('late');
    expect((await late.connection.closed).code).toBe(closeCodes.goingAway);
    expect((await server.ended).outcome).toBe('rolled-back');
    expect(events.at(-1)).toMatchObject({ type: 'rolled-back', ...rollback });
    expect(() => readFileSync(join(path, 'parameters.bin'))).toThrow('ENOENT');
  });

  it('is halted when it has gone back three times already', async () => {
    const { server } = start({ health: watch('rollback', [rollback, rollback, rollback]) });
    await answerOne(server);
    expect((await server.ended).reason).toMatch(/it went back 3 times already$/);
  });

  it('goes on if that is wanted', async () => {
    const { server } = start({ health: watch('continue') });
    const peer = await answerOne(server);
    peer.answer(await peer.next('lease'));
    expect((await server.ended).outcome).toBe('completed');
  });

  it('trains at what earlier rollbacks left of the learning rate', async () => {
    const { server, events } = start({ rollbackFactor: 0.25 });
    const peer = await answerOne(server);
    await peer.next('accepted');
    expect(events.find(({ type }) => type === 'step')).toMatchObject({ learningRate: 0.00025 });
  });
});

it('ends with its figures although its folder is gone, and says that they are not saved', async () => {
  const { server, path, events } = start();
  rmSync(path, { recursive: true });
  const peer = new Peer(server);
  await peer.join('w');
  for (let step = 0; step < 2; step++) peer.answer(await peer.next('lease'));
  const { outcome, summary, unsaved } = await server.ended;
  expect({ outcome, steps: summary.steps }).toEqual({ outcome: 'completed', steps: 2 });
  expect(unsaved).toMatch(/^can't write the parameters to .*ENOENT/);
  expect(events.at(-1)).toMatchObject({ type: 'run-ended', steps: 2 });
});
