import { PbfReader } from 'pbf';
import { describe, expect, it } from 'vitest';
import type { MeasuringEvent } from '@convoy/protocol/run-events';
import { crc32c, tensorboardFiles } from './tensorboard.ts';

const step = (number: number, loss: number | null): MeasuringEvent =>
  ({
    ...{
      at: 1_000 * number,
      type: 'step',
      step: number,
      epoch: 0,
      samples: 50,
      loss,
      accuracy: 0.5,
      learningRate: 0.1,
    },
    ...{ gradientNorm: 2, workers: 2, stepMs: 100, busyShare: 1, bytesReceived: 0, bytesSent: 0 },
  }) as MeasuringEvent;
const validated: MeasuringEvent = {
  ...{ at: 9_000, type: 'evaluated', purpose: 'validation', step: 2, epoch: 0, samples: 10, loss: 0.25, seconds: 1 },
  meanAbsoluteError: 3,
};

it('crc32c has the check value of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

interface Read {
  time: number;
  step: number;
  version: string;
  scalars: Record<string, number>;
}

/** What a reader of event files finds, with the lengths checked. */
function eventsIn(file: Uint8Array): Read[] {
  const bytes = Buffer.from(file);
  const events: Read[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    events.push(readEvent(bytes.subarray(at + 12, at + 12 + length)));
    at += length + 16;
  }
  return events;
}

function readEvent(bytes: Uint8Array): Read {
  return new PbfReader(bytes).readFields<Read>(
    (field, event, reader) => {
      if (field === 1) event.time = reader.readDouble();
      if (field === 2) event.step = reader.readVarint();
      if (field === 3) event.version = reader.readString();
      if (field === 5) reader.readMessage((_, of) => reader.readMessage(readScalar(of.scalars), { tag: '' }), event);
    },
    { time: 0, step: 0, version: '', scalars: {} },
  );
}

function readScalar(scalars: Record<string, number>) {
  return (field: number, value: { tag: string }, reader: PbfReader) => {
    if (field === 1) value.tag = reader.readString();
    if (field === 2) scalars[value.tag] = reader.readFloat();
  };
}

/** The values of a field of a summary's value, in the events of a file: what is not a scalar. */
function valuesIn<Value extends object>(file: Uint8Array, field: number, read: (bytes: Uint8Array) => Value) {
  const found: (Value & { tag: string; step: number })[] = [];
  const bytes = Buffer.from(file);
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    let step = 0;
    new PbfReader(bytes.subarray(at + 12, at + 12 + length)).readFields((of, _, event) => {
      if (of === 2) step = event.readVarint();
      if (of !== 5) return;
      event.readMessage((_of, _summary, summary) => {
        const value = { tag: '', content: null as Uint8Array | null };
        summary.readMessage((name, _value, fields) => {
          if (name === 1) value.tag = fields.readString();
          if (name === field) value.content = fields.readBytes();
        }, value);
        if (value.content !== null) found.push({ ...read(value.content), tag: value.tag, step });
      }, {});
    }, {});
    at += length + 16;
  }
  return found;
}

it('pictures and histograms have the fields of summary.proto, in the folder that they belong to', () => {
  const png = Uint8Array.of(1, 2, 3);
  const common = { at: 1_000, step: 7 };
  const files = tensorboardFiles(
    [
      { type: 'image', folder: 'validation', ...common, tag: 'confusion', width: 20, height: 10, png },
      {
        ...{ type: 'histogram', folder: 'train', ...common, tag: 'conv/weights' },
        ...{ from: -1, to: 1, counts: [3, 1], sum: -1.5, sumOfSquares: 2.5 },
      },
    ],
    { run: 'r', hyperparameters: {} },
  );
  const imageOf = (bytes: Uint8Array) =>
    new PbfReader(bytes).readFields(
      (field, image, reader) => {
        if (field === 1) image.height = reader.readVarint();
        if (field === 2) image.width = reader.readVarint();
        if (field === 4) image.png = Uint8Array.from(reader.readBytes());
      },
      { width: 0, height: 0, png: new Uint8Array(0) },
    );
  expect(valuesIn(files.get('validation')!, 4, imageOf)).toEqual([
    { tag: 'confusion', step: 7, width: 20, height: 10, png },
  ]);
  const histogramOf = (bytes: Uint8Array) =>
    new PbfReader(bytes).readFields(
      (field, histogram, reader) => {
        if (field <= 5) histogram.scalars.push(reader.readDouble());
        if (field === 6) reader.readPackedDouble(histogram.limits);
        if (field === 7) reader.readPackedDouble(histogram.counts);
      },
      { scalars: [] as number[], limits: [] as number[], counts: [] as number[] },
    );
  expect(valuesIn(files.get('train')!, 5, histogramOf)).toEqual([
    { tag: 'conv/weights', step: 7, scalars: [-1, 1, 4, -1.5, 2.5], limits: [0, 1], counts: [3, 1] },
  ]);
});

describe("a run's files for TensorBoard", () => {
  const files = tensorboardFiles([step(1, 0.5), step(2, null), validated], {
    run: 'r',
    hyperparameters: { seed: 42, 'optimizer.name': 'adam', shuffle: true },
  });

  it('are one per kind of figures, each beginning with the version', () => {
    expect([...files.keys()]).toEqual(['train', 'validation']);
    for (const file of files.values()) expect(eventsIn(file)[0]).toMatchObject({ version: 'brain.Event:2' });
  });

  it('have the steps with the times at which they were done; what was not finite is no number', () => {
    const [, , first, second] = eventsIn(files.get('train')!);
    const speed = { gradient_norm: 2, samples_per_second: 500, workers: 2 };
    expect(first).toMatchObject({ time: 1, step: 1, scalars: { loss: 0.5, accuracy: 0.5, ...speed } });
    expect(second).toMatchObject({ time: 2, step: 2, scalars: { loss: NaN } });
  });

  it('have evaluations under the names of the training, so that both are in one chart', () => {
    expect(eventsIn(files.get('validation')!)[1]).toMatchObject({
      ...{ time: 9, step: 2, scalars: { loss: 0.25, mean_absolute_error: 3 } },
    });
  });

  it('have the hyperparameters once, before the first step', () => {
    const text = Buffer.from(files.get('train')!).toString('latin1');
    expect(text.match(/_hparams_\/session_start_info/g)).toHaveLength(1);
    for (const name of ['seed', 'optimizer.name', 'adam', 'shuffle']) expect(text).toContain(name);
  });
});
