import { describe, expect, it, vi } from 'vitest';
import { decodeWorkerMessage, encode } from '@convoy/protocol/codec';
import { exitCodes } from '@convoy/protocol/errors';
import { PROTOCOL_VERSION, type Block, type ServerMessage, type WorkerMessage } from '@convoy/protocol/messages';
import { float32Bytes } from '@convoy/protocol/tensor';
import { testConfig } from '@convoy/training/config.fixture';
import { closeCodes, type Connection } from '@convoy/transport/connection';
import { memoryPair } from '@convoy/transport/memory';
import { ComputeCancelled, type Compute } from './compute/compute.ts';
import { work, workerCodec } from './work.ts';

const digest = 'a'.repeat(64);
const work0 = { run: 'r', incarnation: 'i', task: 0, step: 0, block: { start: 0, size: 2 } };

/** A compute that is told what to do by the test, and notes what it was asked. */
function fakeCompute(gradient: () => Promise<number> = () => Promise.resolve(7)) {
  const asked: string[] = [];
  const compute: Compute = {
    tensors: 3,
    open: () => Promise.resolve({ name: 'fake', version: '1', threads: 1, warning: null }),
    prepare: (config) => {
      asked.push(`prepare ${config.recipe}`);
      const digests = { modelHash: digest, dataFingerprint: digest, numericsFingerprint: digest };
      return Promise.resolve({ ...digests, dataset: { trainCount: 8, testCount: 1 }, parameterCount: 1, note: null });
    },
    setParameters: (step) => void asked.push(`parameters ${step}`),
    gradient: async ({ step }) => {
      asked.push(`gradient ${step}`);
      return { samples: 4, lossSum: 1, metricSum: 2, gradient: float32Bytes(Float32Array.of(await gradient())) };
    },
    cancel: () => void asked.push('cancel'),
    evaluate: () => Promise.resolve({ samples: 5, lossSum: 2, metricSum: 1 }),
    close: () => Promise.resolve(void asked.push('close')),
  };
  return { compute, asked };
}

function begin(compute: Compute, log: (line: string) => void = () => {}) {
  const serverEnds: Connection<WorkerMessage, ServerMessage>[] = [];
  const drain = new AbortController();
  const arrivals: ((value: Connection<WorkerMessage, ServerMessage>) => void)[] = [];
  const end = work({
    compute,
    computeOptions: { engine: 'auto', threads: 1, dataDir: undefined, environment: {} },
    connect: () => {
      const [serverEnd, workerEnd] = memoryPair({ encode, decode: decodeWorkerMessage }, workerCodec);
      const arrive = arrivals.shift();
      if (arrive === undefined) serverEnds.push(serverEnd);
      else arrive(serverEnd);
      return Promise.resolve(workerEnd);
    },
    drain: drain.signal,
    patienceMs: 60_000,
    log,
  });
  const connected = async () =>
    serverEnds.shift() ?? new Promise<Connection<WorkerMessage, ServerMessage>>((resolve) => arrivals.push(resolve));
  return { end, drain, connected };
}

const welcome = (incarnation: string): ServerMessage => ({
  type: 'welcome',
  protocolVersion: PROTOCOL_VERSION,
  run: 'r',
  incarnation,
  rank: 0,
  config: testConfig({ dataset: { name: 'cifar10' } }),
  parameterCount: 1,
  heartbeatIntervalMs: 1_000_000,
  silentAfterMs: 1_000_000,
});

async function meet(
  connection: Connection<WorkerMessage, ServerMessage>,
  holding: { readonly task: number; readonly block: Block } | null = null,
  incarnation = 'i',
) {
  const messages = connection[Symbol.asyncIterator]();
  const next = async () => (await messages.next()).value as WorkerMessage;
  expect(await next()).toMatchObject({ type: 'hello', engine: { name: 'fake' } });
  connection.send(welcome(incarnation));
  expect(await next()).toMatchObject({ type: 'ready', run: 'r', incarnation, modelHash: digest, holding });
  return next;
}

describe('work', () => {
  it('prepares, computes its leases at the parameters it was sent, and ends with the run', async () => {
    const { compute, asked } = fakeCompute();
    const { end, connected } = begin(compute);
    const connection = await connected();
    const next = await meet(connection);
    connection.send({ type: 'parameters', run: 'r', incarnation: 'i', step: 0, values: new Uint8Array(4) });
    connection.send({ type: 'lease', ...work0 });
    expect(await next()).toMatchObject({ type: 'result', ...work0, samples: 4, metricSum: 2 });
    connection.send({ type: 'accepted', task: 0, block: work0.block });
    connection.send({ type: 'evaluation-lease', ...work0, purpose: 'test' });
    expect(await next()).toMatchObject({ type: 'evaluation-result', ...work0, samples: 5 });
    connection.send({ type: 'shutdown', completed: true, reason: 'all steps are done' });
    expect(await end).toEqual({ completed: true, dismissed: false, reason: 'all steps are done' });
    expect(asked).toEqual(['prepare plain', 'parameters 0', 'gradient 0', 'close']);
  });

  it('finishes the lease it holds before it leaves, and says bye', async () => {
    let finish!: (value: number) => void;
    let started!: () => void;
    const computing = new Promise<void>((resolve) => (started = resolve));
    const { compute } = fakeCompute(() => (started(), new Promise((resolve) => (finish = resolve))));
    const { end, drain, connected } = begin(compute);
    const connection = await connected();
    const next = await meet(connection);
    connection.send({ type: 'lease', ...work0 });
    await computing;
    drain.abort();
    expect(await next()).toMatchObject({ type: 'draining' });
    finish(1);
    expect(await next()).toMatchObject({ type: 'result' });
    connection.send({ type: 'accepted', task: 0, block: work0.block });
    expect(await next()).toMatchObject({ type: 'bye' });
    expect(await end).toEqual({ completed: false, dismissed: false, reason: 'asked to leave' });
  });

  it('connects again when the connection is lost, without preparing twice', async () => {
    const { compute, asked } = fakeCompute();
    const { end, connected } = begin(compute);
    const first = await connected();
    await meet(first);
    first.close(closeCodes.goingAway, 'restarting');
    const second = await connected();
    await meet(second);
    second.send({ type: 'shutdown', completed: true, reason: 'done' });
    expect((await end).completed).toBe(true);
    expect(asked).toEqual(['prepare plain', 'close']);
  });

  it('prepares once, although the connection is lost while it does', async () => {
    const { compute, asked } = fakeCompute();
    const { prepare } = compute;
    let finish!: () => void;
    let started!: () => void;
    const preparing = new Promise<void>((resolve) => (started = resolve));
    compute.prepare = async (config) => {
      started();
      const prepared = await prepare(config);
      await new Promise<void>((resolve) => (finish = resolve));
      return prepared;
    };
    let heard!: () => void;
    const hasHeard = new Promise<void>((resolve) => (heard = resolve));
    const { end, connected } = begin(compute, (line) => line.startsWith('paused') && heard());
    const first = await connected();
    first.send(welcome('i'));
    await preparing;
    first.close(closeCodes.goingAway, 'restarting');
    const second = await connected();
    second.send(welcome('i'));
    second.send({ type: 'pause', reason: 'to see that the welcome was read' });
    await hasHeard;
    finish();
    const messages = second[Symbol.asyncIterator]();
    await messages.next();
    expect((await messages.next()).value).toMatchObject({ type: 'ready' });
    second.send({ type: 'shutdown', completed: true, reason: 'done' });
    expect((await end).completed).toBe(true);
    expect(asked).toEqual(['prepare plain', 'close']);
  });

  it('goes on computing while the connection is away, says what it holds, and delivers it on the next one', async () => {
    let finish!: (value: number) => void;
    let started!: () => void;
    const computing = new Promise<void>((resolve) => (started = resolve));
    const { compute, asked } = fakeCompute(() => (started(), new Promise((resolve) => (finish = resolve))));
    const { end, connected } = begin(compute);
    const first = await connected();
    await meet(first);
    first.send({ type: 'lease', ...work0 });
    await computing;
    first.close(closeCodes.goingAway, 'restarting');
    const second = await connected();
    const next = await meet(second, { task: 0, block: work0.block });
    finish(1);
    expect(await next()).toMatchObject({ type: 'result', ...work0 });
    // Not answered yet: a third connection gets it again.
    second.close(closeCodes.goingAway, 'restarting');
    const third = await connected();
    const nextOnThird = await meet(third, { task: 0, block: work0.block });
    expect(await nextOnThird()).toMatchObject({ type: 'result', ...work0 });
    third.send({ type: 'accepted', task: 0, block: work0.block });
    third.send({ type: 'shutdown', completed: true, reason: 'done' });
    expect((await end).completed).toBe(true);
    expect(asked.filter((what) => what.startsWith('gradient'))).toEqual(['gradient 0']);
  });

  it('drops what another server process leased, once the compute is idle', async () => {
    let cancelled!: (error: Error) => void;
    const { compute, asked } = fakeCompute(() => new Promise((_, reject) => (cancelled = reject)));
    compute.cancel = () => (asked.push('cancel'), cancelled(new ComputeCancelled()));
    const { end, connected } = begin(compute);
    const first = await connected();
    await meet(first);
    first.send({ type: 'lease', ...work0 });
    first.close(closeCodes.goingAway, 'restarting');
    const second = await connected();
    await meet(second, null, 'j');
    second.send({ type: 'shutdown', completed: true, reason: 'done' });
    expect((await end).completed).toBe(true);
    expect(asked).toEqual(['prepare plain', 'gradient 0', 'cancel', 'close']);
  });

  it('returns a lease that is cancelled', async () => {
    let cancelled!: (error: Error) => void;
    const { compute } = fakeCompute(() => new Promise((_, reject) => (cancelled = reject)));
    compute.cancel = () => cancelled(new ComputeCancelled());
    const { end, connected } = begin(compute);
    const connection = await connected();
    const next = await meet(connection);
    connection.send({ type: 'lease', ...work0 });
    connection.send({ type: 'cancel', task: 9, block: work0.block });
    connection.send({ type: 'cancel', task: 0, block: work0.block });
    expect(await next()).toEqual({ type: 'lease-returned', ...work0 });
    connection.send({ type: 'shutdown', completed: true, reason: 'done' });
    await end;
  });

  it('says for how long the coordinator gives it no work, and why', async () => {
    const { compute } = fakeCompute();
    const lines: string[] = [];
    const { end, connected } = begin(compute, (line) => lines.push(line));
    const connection = await connected();
    await meet(connection);
    connection.send({ type: 'quarantined', forMs: 2_000, reason: 'it returns its leases' });
    connection.send({ type: 'shutdown', completed: true, reason: 'done' });
    await end;
    expect(lines).toContain('the coordinator gives this worker no work for 2 s: it returns its leases');
  });

  it('leaves a server that says what it can not mean, and connects again', async () => {
    const { compute } = fakeCompute();
    const { end, connected } = begin(compute);
    const first = await connected();
    first.send({ type: 'parameters', run: 'r', incarnation: 'i', step: 0, values: new Uint8Array(4) });
    expect(await first.closed).toMatchObject({ code: closeCodes.unexpected });
    const second = await connected();
    await meet(second);
    second.send({ type: 'shutdown', completed: true, reason: 'done' });
    await end;
  });

  it('fails with the reason when it is refused', async () => {
    const { compute, asked } = fakeCompute();
    const { end, connected } = begin(compute);
    const connection = await connected();
    connection.send({ type: 'reject', reason: 'data', message: 'other files' });
    await expect(end).rejects.toMatchObject({
      message: 'the coordinator refused this worker: other files',
      exitCode: 6,
    });
    expect(asked).toEqual(['close']);
  });

  it('that the coordinator asks to leave delivers the lease it holds, says bye and ends', async () => {
    let finish!: (value: number) => void;
    let started!: () => void;
    const computing = new Promise<void>((resolve) => (started = resolve));
    const { compute } = fakeCompute(() => (started(), new Promise((resolve) => (finish = resolve))));
    const { end, connected } = begin(compute);
    const connection = await connected();
    const next = await meet(connection);
    connection.send({ type: 'lease', ...work0 });
    await computing;
    connection.send({ type: 'drain' });
    expect(await next()).toMatchObject({ type: 'draining' });
    finish(1);
    expect(await next()).toMatchObject({ type: 'result' });
    connection.send({ type: 'accepted', task: 0, block: work0.block });
    expect(await next()).toMatchObject({ type: 'bye' });
    expect(await end).toEqual({
      completed: false,
      dismissed: true,
      reason: 'the coordinator asked this worker to leave',
    });
  });

  it('is not lost that waited for work for long, however often a conversation ends as if it was not understood', async () => {
    let nowMs = 0;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const { compute } = fakeCompute();
    const { end, connected } = begin(compute);
    for (let i = 0; i < 4; i++) (await connected()).close(closeCodes.malformed, 'a line that garbles');
    const patient = await connected();
    await meet(patient);
    nowMs += 60_000;
    patient.close(closeCodes.malformed, 'a line that garbles');
    const again = await connected();
    await meet(again);
    again.send({ type: 'shutdown', completed: true, reason: 'done' });
    expect((await end).completed).toBe(true);
    now.mockRestore();
  });

  it('gives up when it and the coordinator do not understand each other, and not at the first time', async () => {
    const { compute } = fakeCompute();
    const { end, connected } = begin(compute);
    const given = end.catch((error: unknown) => error);
    for (let i = 0; i < 5; i++)
      (await connected()).close(closeCodes.malformed, 'ready.dataFingerprint: Invalid format');
    expect(await given).toMatchObject({
      name: 'OperatorError',
      exitCode: exitCodes.rejected,
      message: expect.stringContaining('4002: ready.dataFingerprint: Invalid format') as string,
    });
  });
});
