import { Packr } from 'msgpackr';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { decodeServerMessage, decodeWorkerMessage, encode, MalformedMessageError } from './codec.ts';
import {
  asText,
  maxMessageBytes,
  maxResultBytes,
  REASON_LENGTH,
  type Result,
  type ServerMessage,
  type WorkerMessage,
} from './messages.ts';
import { AUGMENTATION_VERSION, MAX_RATES, RunConfigSchema } from './run-config.ts';
import { copyFloat32, float32Bytes } from './tensor.ts';

const session = { run: 'r', incarnation: 'i' };
const work = { ...session, task: 3, step: 2, block: { start: 4, size: 4 } };
const gradient = Float32Array.from({ length: 1000 }, (_, i) => Math.fround(Math.sin(i)));
const result: Result = {
  type: 'result',
  ...work,
  samples: 8,
  lossSum: 18.4,
  metricSum: 3,
  gradient: float32Bytes(gradient),
  computeMs: 1.5,
};
const digest = 'a'.repeat(64);

const workerMessages: WorkerMessage[] = [
  {
    type: 'hello',
    protocolVersion: 1,
    workerId: 'w-1',
    name: 'host:1',
    engine: { name: 'tensorflow', version: '2.21.0', threads: 1 },
  },
  {
    type: 'ready',
    ...session,
    modelHash: digest,
    dataFingerprint: digest,
    numericsFingerprint: digest,
    samplingVersion: 'fisher-yates/1',
    holding: null,
  },
  result,
  { type: 'lease-returned', ...work },
  { type: 'draining' },
  { type: 'evaluation-result', ...work, samples: 8, lossSum: 18.4, metricSum: 3, computeMs: 1.5 },
  {
    ...{ type: 'evaluation-result', ...work, samples: 8, lossSum: 18.4, metricSum: 3, computeMs: 1.5 },
    details: {
      // As it is decoded.
      confusion: Buffer.of(1, 0, 0, 0),
      shown: [{ index: 3, loss: NaN, labels: [1, 0], outputs: [0.75, 0.25] }],
      worst: [],
    },
  },
  { type: 'heartbeat', rssBytes: 1e9, tensors: 16 },
  { type: 'heartbeat', rssBytes: 1e9, tensors: 16, clock: { aliveMs: 1e12, heardMs: 0.5, sentMs: 1 } },
  { type: 'spans', task: 7, block: { start: 4, size: 4 }, leasedMs: 1.5, sentMs: 9, spans: new Uint8Array(48) },
  { type: 'bye', reason: 'done' },
  { type: 'error', message: 'no data' },
];

const serverMessages: ServerMessage[] = [
  { type: 'reject', reason: 'data', message: 'other files' },
  { type: 'parameters', ...session, step: 2, values: float32Bytes(gradient) },
  { type: 'lease', ...work },
  { type: 'evaluation-lease', ...work, purpose: 'test' },
  { type: 'evaluation-lease', ...work, purpose: 'validation', details: true },
  { type: 'accepted', task: 3, block: work.block },
  { type: 'stale', task: 3, block: work.block },
  { type: 'cancel', task: 3, block: work.block },
  { type: 'drain' },
  { type: 'pause', reason: 'too few workers' },
  { type: 'resume' },
  { type: 'quarantined', forMs: 1_999.5, reason: 'it was hung' },
  { type: 'shutdown', completed: true, reason: 'done' },
];

/** What is left of a message when its tensors are compared on their own. */
function plain(message: object): object {
  return Object.fromEntries(
    Object.entries(message).map(([key, value]) => [key, value instanceof Uint8Array ? [...value] : value]),
  );
}

describe('the codec', () => {
  it.each(workerMessages)('carries a worker’s $type', (message) => {
    expect(plain(decodeWorkerMessage(encode(message)))).toEqual(plain(message));
  });

  it.each(serverMessages)('carries a server’s $type', (message) => {
    expect(plain(decodeServerMessage(encode(message)))).toEqual(plain(message));
  });

  it('gives tensors back bit for bit, at whatever alignment they arrive', () => {
    const message = decodeWorkerMessage(encode(result)) as Result;
    const copy = new Float32Array(gradient.length);
    copyFloat32(message.gradient, copy);
    expect(copy).toEqual(gradient);
  });

  it('sends a tensor as raw bytes: the message is no more than a few hundred bytes larger', () => {
    expect(encode(result).byteLength - gradient.byteLength).toBeLessThan(300);
  });

  it('writes a message with a tensor into the buffer it is given, and is what MessagePack reads', () => {
    const kept = new Uint8Array(5000);
    for (const into of [kept, kept, new Uint8Array(10)]) {
      const bytes = encode({ ...result, gradient: result.gradient, computeMs: 2 }, into);
      expect(bytes.buffer === into.buffer).toBe(into === kept);
      const unpacked = new Packr({ useRecords: false }).unpack(bytes);
      expect(plain(unpacked)).toEqual(plain({ ...result, computeMs: 2 }));
    }
  });

  it('returns bytes that a later message does not overwrite', () => {
    const first = encode({ type: 'bye', reason: 'first' });
    const before = [...first];
    for (let i = 0; i < 100; i++) encode(result);
    expect([...first]).toEqual(before);
  });

  it('carries sums that are not finite: the run decides what to do about them', () => {
    const sums = { lossSum: NaN, metricSum: Infinity };
    expect(decodeWorkerMessage(encode({ ...result, ...sums }))).toMatchObject(sums);
  });
});

describe('details of an evaluation', () => {
  const sample = (index: number) => ({ index, loss: 1.5, labels: [1, 2, 3], outputs: [0.5, 0.25, 0.125, 0.1] });
  const samples = (count: number) => Array.from({ length: count }, (_, index) => sample(2 ** 40 + index));
  const sums = { ...work, samples: 8, lossSum: 18.4, metricSum: 3, computeMs: 1.5 };
  const largest = { confusion: Buffer.alloc(4 * 100 * 100, 255), shown: samples(48), worst: samples(12) };

  it('of the most classes and samples are a message that a worker may send beside no gradient', () => {
    const message = { type: 'evaluation-result', ...sums, details: largest } as const;
    const bytes = encode(message);
    expect(bytes.byteLength).toBeLessThan(maxResultBytes(0));
    expect(decodeWorkerMessage(bytes)).toEqual(message);
  });

  it.each([
    { title: 'more shown samples', details: { ...largest, shown: samples(49) } },
    { title: 'more worst ones', details: { ...largest, worst: samples(13) } },
    { title: 'more classes of a sample', details: { ...largest, worst: [{ ...sample(1), labels: [1, 2, 3, 4] }] } },
    { title: 'an index that is no number of a sample', details: { ...largest, worst: [{ ...sample(1), index: -1 }] } },
    { title: 'a matrix that is no bytes', details: { ...largest, confusion: 'bytes' as unknown as Uint8Array } },
    { title: 'another field', details: { ...largest, image: 'x' } },
  ])('with $title are none', ({ details }) => {
    const bytes = encode({ type: 'evaluation-result', ...sums, details });
    expect(() => decodeWorkerMessage(bytes)).toThrow(MalformedMessageError);
  });
});

describe('a malformed message', () => {
  const pack = (value: unknown) => new Packr({ useRecords: false }).pack(value);

  it.each([
    ['random bytes', Uint8Array.of(0xc1, 0xff, 0x00)],
    ['nothing', new Uint8Array(0)],
    ['a truncated message', encode(result).subarray(0, 200)],
    ['a number', pack(7)],
    ['no type', pack({ block: 1 })],
    ['an unknown type', pack({ type: 'lunch' })],
    ["a server's message", encode({ type: 'drain' })],
    ['a missing field', pack({ type: 'bye' })],
    ['an unknown field', pack({ type: 'bye', reason: 'x', extra: 1 })],
    ['a field of the wrong kind', pack({ ...result, samples: '8' })],
    ['a negative count', pack({ ...result, samples: -8 })],
    ['a fraction for a step', pack({ ...result, step: 0.5 })],
    ['numbers for a tensor', pack({ ...result, gradient: [1, 2, 3] })],
    ['a block that is not dyadic', pack({ ...result, block: { start: 2, size: 4 } })],
    ['an endless name', pack({ type: 'bye', reason: 'x'.repeat(10_000) })],
  ])('is refused: %s', (_, bytes) => {
    expect(() => decodeWorkerMessage(bytes)).toThrow(MalformedMessageError);
  });

  it('is named by its field', () => {
    expect(() => decodeWorkerMessage(pack({ ...result, samples: -8 }))).toThrow(/^result\.samples: /);
  });

  it('is refused for any single byte changed, or decodes to a valid message', () => {
    const bytes = encode(workerMessages[0]!);
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= flip;
        try {
          decodeWorkerMessage(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessageError);
        }
      }
    }
  });

  it('takes the largest configuration that the schema does, and no worker may send as much', () => {
    const monitored = { monitor: 'val_mean_absolute_error', mode: 'auto', minDelta: 1e-5, patience: 2 ** 31 } as const;
    const optimizer = { learningRate: 0.1, weightDecay: 0.1, clipNorm: 0.1, rho: 0.9, momentum: 0.9, epsilon: 0.1 };
    const config = v.parse(RunConfigSchema, {
      recipe: '漢'.repeat(64),
      model: 'workload',
      dataset: { name: 'workload', workload: '漢'.repeat(64) },
      seed: Number.MAX_SAFE_INTEGER,
      epochs: 2 ** 31,
      maxSteps: 2 ** 31,
      globalBatchSize: 2 ** 31,
      microBatchSize: 2 ** 31,
      evaluationBatchSize: 2 ** 31,
      validationSplit: 0.1,
      shuffle: true,
      dropout: true,
      augmentation: { version: AUGMENTATION_VERSION, crop: 4, flip: true, cutout: 8, mixup: 0.1 },
      labelSmoothing: 0.1,
      optimizer: {
        ...optimizer,
        name: 'rmsprop',
        centered: true,
        excludeFromWeightDecay: Array.from({ length: 20 }, () => '漢'.repeat(100)),
      },
      schedule: { name: 'table', per: 'step', rates: Array.from({ length: MAX_RATES }, (_, i) => 1 / (i + 3)) },
      callbacks: {
        earlyStopping: { ...monitored, baseline: 0.1, restoreBestWeights: true, startFromEpoch: 2 ** 31 },
        reduceLROnPlateau: { ...monitored, factor: 0.1, cooldown: 2 ** 31, minLR: 0.1 },
        modelCheckpoint: { monitor: 'val_mean_absolute_error', mode: 'auto', saveBestOnly: true },
      },
      deterministic: true,
    });
    const welcome: ServerMessage = {
      type: 'welcome',
      protocolVersion: 1,
      ...session,
      rank: 0,
      config,
      parameterCount: 1,
      heartbeatIntervalMs: 1_000,
      silentAfterMs: 10_000,
    };
    const bytes = encode(welcome);
    expect(decodeServerMessage(bytes)).toEqual(welcome);
    expect(bytes.byteLength).toBeLessThan(maxMessageBytes(1));
    expect(() => decodeWorkerMessage(bytes)).toThrow('more than 1024 items');
  });
});

describe('asText', () => {
  it.each([
    ['two\nlines, \u001b[31mred', 'two lines,  [31mred'],
    ['', 'unknown'],
    ['x'.repeat(300), 'x'.repeat(256)],
    [`${'x'.repeat(255)}😀`, 'x'.repeat(255)],
  ])('makes of %j what a message may carry', (words, expected) => {
    expect(asText(words, REASON_LENGTH)).toBe(expected);
    expect(() => decodeServerMessage(encode({ type: 'pause', reason: asText(words, REASON_LENGTH) }))).not.toThrow();
  });
});
