import { afterEach, describe, expect, it } from 'vitest';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeServerMessage, encode } from '@convoy/protocol/codec';
import type { Lease, Result, ServerMessage, WorkerMessage } from '@convoy/protocol/messages';
import type { RunEvent } from '@convoy/protocol/run-events';
import { float32Bytes } from '@convoy/protocol/tensor';
import { resolveConfig } from '@convoy/training/config';
import { closeCodes, type Connection } from '@convoy/transport/connection';
import { memoryPair } from '@convoy/transport/memory';
import { RunFolder } from './run-folder.ts';
import { serverCodec } from './serve.ts';
import { ParameterServer } from './server.ts';

const PARAMETERS = 5;
const digest = 'a'.repeat(64);
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Two steps of four samples in two micro-batches; five parameters. */
function start(options: { deterministic?: boolean } = {}) {
  const config = resolveConfig({
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
  let now = 1000;
  let tick = () => {};
  const server = new ParameterServer({
    run: 'r',
    config,
    extent: { trainSamples: 8, validationSamples: 0, testSamples: 0, stepsPerEpoch: 2, totalSteps: 2 },
    model: { hash: digest, parameterCount: PARAMETERS, tensors: [] },
    dataFingerprint: digest,
    initialParameters: new Float32Array(PARAMETERS),
    folder: new RunFolder(path, config, () => {}),
    minWorkers: 1,
    onEvent: (event) => events.push(event),
    clock: { now: () => now, every: (_, callback) => ((tick = callback), () => {}) },
  });
  return { server, events, path, advance: (ms: number) => ((now += ms), tick()) };
}

class Peer {
  readonly connection: Connection<ServerMessage, WorkerMessage>;
  readonly #messages: AsyncIterator<ServerMessage>;
  incarnation = '';

  constructor(server: ParameterServer) {
    const [serverEnd, workerEnd] = memoryPair(serverCodec, { encode, decode: decodeServerMessage });
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

  hello(workerId: string, changes: { protocolVersion?: number; threads?: number } = {}) {
    const { protocolVersion = 1, threads = 1 } = changes;
    this.connection.send({
      type: 'hello',
      protocolVersion,
      workerId,
      name: workerId,
      engine: { name: 'test', version: '1', threads },
    });
  }

  async join(workerId: string, digests: { model?: string; data?: string; numerics?: string } = {}): Promise<void> {
    this.hello(workerId);
    const { run, incarnation } = await this.next('welcome');
    this.incarnation = incarnation;
    const { model = digest, data = digest, numerics = digest } = digests;
    this.connection.send({
      type: 'ready',
      run,
      incarnation,
      modelHash: model,
      dataFingerprint: data,
      numericsFingerprint: numerics,
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
      correct: 1,
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
      'worker-joined',
      'step',
      'step',
      'epoch-ended',
      'run-ended',
    ]);
  });

  it.each<[string, Partial<Result>]>([
    ['of the wrong size', { gradient: new Uint8Array(4) }],
    ['over the wrong number of samples', { samples: 3 }],
    ['with more right than there are', { correct: 5 }],
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

  it('answers stale to a result of no task, of another incarnation, or of the step before, whatever its size', async () => {
    const { server, events } = start();
    const peer = new Peer(server);
    await peer.join('w');
    const lease = await peer.next('lease');
    peer.answer(lease, { task: 999_999, gradient: new Uint8Array(0) });
    await peer.next('stale');
    peer.answer(lease, { incarnation: 'before' });
    await peer.next('stale');
    peer.answer(lease);
    const next = await peer.next('lease');
    peer.answer(lease);
    await peer.next('stale');
    peer.answer(next);
    await server.ended;
    expect(events.filter(({ type }) => type === 'result-discarded')).toHaveLength(3);
  });

  it.each([
    ['protocol', (peer: Peer) => peer.hello('w', { protocolVersion: 2 }), 'install the same version of Convoy on both'],
    [
      'model',
      (peer: Peer) => void peer.join('w', { model: 'b'.repeat(64) }),
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

  it('refuses other arithmetic and more threads in a deterministic run only', async () => {
    for (const deterministic of [true, false]) {
      const { server } = start({ deterministic });
      await new Peer(server).join('first');
      const second = new Peer(server);
      await second.join('second', { numerics: 'b'.repeat(64) });
      const threaded = new Peer(server);
      threaded.hello('third', { threads: 2 });
      if (deterministic) {
        expect((await second.connection.closed).reason).toContain("differs from the first worker's");
        expect((await threaded.connection.closed).reason).toContain('--threads 1');
      } else {
        await threaded.next('welcome');
      }
    }
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

describe('RunFolder', () => {
  it('refuses a folder that holds a run', () => {
    const { path } = start();
    const again = () => new RunFolder(path, resolveConfig({ dataset: { name: 'cifar10' } }), () => {});
    expect(again).toThrow('already holds a run: choose another folder with --run-dir');
  });
});
