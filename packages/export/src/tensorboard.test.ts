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
