import { PbfWriter } from 'pbf';
import { KERAS_NAMES, readMetric } from '@convoy/protocol/metric';
import type { MeasuringEvent } from '@convoy/protocol/run-events';

/** What hyperparameters may be. */
export type Hyperparameters = Readonly<Record<string, string | number | boolean>>;

/** The folders of a log, as Keras names them: TensorBoard lays curves of the same name in different folders over each other. */
export const TENSORBOARD_FOLDERS = ['train', 'validation', 'test'] as const;
export type TensorboardFolder = (typeof TENSORBOARD_FOLDERS)[number];

/** What is in a folder's file: some scalars by their names after a step. */
interface Scalars {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly step: number;
  readonly values: Readonly<Record<string, number | null>>;
}

/** A picture of something after a step. */
export interface TensorboardImage {
  readonly type: 'image';
  readonly folder: TensorboardFolder;
  readonly at: number;
  readonly step: number;
  readonly tag: string;
  readonly width: number;
  readonly height: number;
  readonly png: Uint8Array;
}

/** How some values were distributed after a step: equally wide bins from the least value to the greatest. */
export interface TensorboardHistogram {
  readonly type: 'histogram';
  readonly folder: TensorboardFolder;
  readonly at: number;
  readonly step: number;
  readonly tag: string;
  readonly from: number;
  readonly to: number;
  readonly counts: readonly number[];
  readonly sum: number;
  readonly sumOfSquares: number;
}

export type TensorboardEntry = MeasuringEvent | TensorboardImage | TensorboardHistogram;

/**
 * A run's figures as TensorBoard's event files (https://github.com/tensorflow/tensorboard, event.proto and summary.proto): scalars,
 * images and histograms, with the times at which they were measured, and the run's hyperparameters.
 * @param events those that count, in their order.
 * @returns the file of each folder that has figures.
 */
export function tensorboardFiles(
  events: readonly TensorboardEntry[],
  { run, hyperparameters }: { readonly run: string; readonly hyperparameters: Hyperparameters },
): ReadonlyMap<TensorboardFolder, Uint8Array> {
  const folders = new Map<TensorboardFolder, Uint8Array[]>();
  const put = (folder: TensorboardFolder, at: number, event: Uint8Array) => {
    let records = folders.get(folder);
    if (records === undefined) {
      records = [record(versionEvent(at))];
      if (folder === 'train') records.push(record(hyperparametersEvent(at, run, hyperparameters)));
      folders.set(folder, records);
    }
    records.push(record(event));
  };
  const add = (folder: TensorboardFolder, scalars: Scalars) => put(folder, scalars.at, scalarsEvent(scalars));
  for (const event of events) {
    if (event.type === 'image' || event.type === 'histogram') {
      put(event.folder, event.at, event.type === 'image' ? imageEvent(event) : histogramEvent(event));
    } else if (event.type === 'step') {
      const { at, step, loss, learningRate, gradientNorm: gradient_norm, stepMs, samples, workers } = event;
      const samples_per_second = stepMs > 0 ? (1_000 * samples) / stepMs : null;
      const speed = { learning_rate: learningRate, gradient_norm, samples_per_second, workers };
      add('train', { at, step, values: { loss, ...metricOf(event), ...speed } });
    } else if (event.type === 'epoch-ended') {
      const { at, step, loss } = event;
      const ofEpoch = Object.entries({ loss, ...metricOf(event) }).map(([name, value]) => [`epoch_${name}`, value]);
      add('train', { at, step, values: Object.fromEntries(ofEpoch) as Record<string, number> });
    } else {
      const { at, step, loss, purpose } = event;
      add(purpose, { at, step, values: { loss, ...metricOf(event) } });
    }
  }
  return new Map([...folders].map(([folder, records]) => [folder, Buffer.concat(records)]));
}

function metricOf(event: MeasuringEvent): Record<string, number> {
  const { name, value } = readMetric(event);
  return { [KERAS_NAMES[name]]: value };
}

/** What every file begins with. */
function versionEvent(at: number): Uint8Array {
  return message((event) => {
    event.writeDoubleField(1, at / 1_000);
    event.writeStringField(3, 'brain.Event:2');
  });
}

/** JSON has no NaN: what was not finite is null in a log, and a NaN here. */
function scalarsEvent({ at, step, values }: Scalars): Uint8Array {
  const summary = message((fields) => {
    for (const [tag, value] of Object.entries(values)) {
      const scalar = message((of) => {
        of.writeStringField(1, tag);
        of.writeFloatField(2, value ?? NaN);
      });
      fields.writeBytesField(1, scalar);
    }
  });
  return message((event) => {
    event.writeDoubleField(1, at / 1_000);
    event.writeVarintField(2, step);
    event.writeBytesField(5, summary);
  });
}

function imageEvent({ at, step, tag, width, height, png }: TensorboardImage): Uint8Array {
  const image = message((fields) => {
    fields.writeVarintField(1, height);
    fields.writeVarintField(2, width);
    // RGB.
    fields.writeVarintField(3, 3);
    fields.writeBytesField(4, png);
  });
  return summaryEvent(at, step, tag, 4, image);
}

function histogramEvent({ at, step, tag, ...histogram }: TensorboardHistogram): Uint8Array {
  const { from, to, counts, sum, sumOfSquares } = histogram;
  const values = message((fields) => {
    fields.writeDoubleField(1, from);
    fields.writeDoubleField(2, to);
    fields.writeDoubleField(
      3,
      counts.reduce((total, count) => total + count, 0),
    );
    fields.writeDoubleField(4, sum);
    fields.writeDoubleField(5, sumOfSquares);
    // Each bin by its upper end.
    fields.writePackedDouble(
      6,
      counts.map((_, bin) => from + ((bin + 1) * (to - from)) / counts.length),
    );
    fields.writePackedDouble(7, [...counts]);
  });
  return summaryEvent(at, step, tag, 5, values);
}

/** An event with one value. @param field of the value in summary.proto. */
function summaryEvent(at: number, step: number, tag: string, field: number, content: Uint8Array): Uint8Array {
  const value = message((fields) => {
    fields.writeStringField(1, tag);
    fields.writeBytesField(field, content);
  });
  return message((event) => {
    event.writeDoubleField(1, at / 1_000);
    event.writeVarintField(2, step);
    event.writeBytesField(
      5,
      message((summary) => summary.writeBytesField(1, value)),
    );
  });
}

/** For the HParams plugin (plugin_data.proto): the session's start with its hyperparameters. */
function hyperparametersEvent(at: number, run: string, hyperparameters: Hyperparameters): Uint8Array {
  const start = message((fields) => {
    for (const [name, value] of Object.entries(hyperparameters)) {
      const entry = message((of) => {
        of.writeStringField(1, name);
        of.writeBytesField(2, jsonValue(value));
      });
      fields.writeBytesField(1, entry);
    }
    fields.writeStringField(4, run);
    fields.writeDoubleField(5, at / 1_000);
  });
  const plugin = message((fields) => {
    fields.writeStringField(1, 'hparams');
    fields.writeBytesField(
      2,
      message((content) => content.writeBytesField(3, start)),
    );
  });
  const value = message((fields) => {
    fields.writeStringField(1, '_hparams_/session_start_info');
    fields.writeBytesField(
      9,
      message((metadata) => metadata.writeBytesField(1, plugin)),
    );
  });
  return message((event) => {
    event.writeDoubleField(1, at / 1_000);
    event.writeBytesField(
      5,
      message((summary) => summary.writeBytesField(1, value)),
    );
  });
}

/** A google.protobuf.Value. */
function jsonValue(value: string | number | boolean): Uint8Array {
  return message((fields) => {
    if (typeof value === 'number') fields.writeDoubleField(2, value);
    else if (typeof value === 'string') fields.writeStringField(3, value);
    else fields.writeBooleanField(4, value);
  });
}

/** A message of some fields. One within another is written like bytes. */
function message(write: (fields: PbfWriter) => void): Uint8Array {
  const fields = new PbfWriter();
  write(fields);
  return fields.finish();
}

/** A TFRecord (https://www.tensorflow.org/tutorials/load_data/tfrecord): length and data, each with its checksum. */
function record(data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(data.byteLength + 16);
  bytes.writeBigUInt64LE(BigInt(data.byteLength), 0);
  bytes.writeUInt32LE(maskedChecksum(bytes.subarray(0, 8)), 8);
  bytes.set(data, 12);
  bytes.writeUInt32LE(maskedChecksum(data), 12 + data.byteLength);
  return bytes;
}

/** A checksum of data that may hold checksums themselves. */
function maskedChecksum(data: Uint8Array): number {
  const checksum = crc32c(data);
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}

const CASTAGNOLI = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC-32C (RFC 3720, B.4), which zlib does not have. */
export function crc32c(data: Uint8Array): number {
  let checksum = 0xffffffff;
  for (const byte of data) checksum = CASTAGNOLI[(checksum ^ byte) & 0xff]! ^ (checksum >>> 8);
  return (checksum ^ 0xffffffff) >>> 0;
}
