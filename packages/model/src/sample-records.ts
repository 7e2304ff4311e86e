import type { Dataset, Inputs, Split } from './dataset.ts';

/** How a sample lies in a record: its input as it is read (floats little-endian), then its label as int32, or its values as float32. */
export interface RecordLayout {
  readonly inputShape: readonly number[];
  readonly inputType: Dataset['inputType'];
  /** Values of one sample; 0 where it has a class. */
  readonly values: number;
}

/** Raised when a record's bytes would be others. */
export const RECORD_VERSION = 1;

/** The layout of a data set's records. Reads one sample. */
export function recordLayout(dataset: Dataset): RecordLayout {
  const { inputShape, inputType } = dataset;
  if (dataset.classNames.length > 0) return { inputShape, inputType, values: 0 };
  const truth = dataset.read('train', 0, inputsOf(dataset, inputSize(dataset)), 0);
  return { inputShape, inputType, values: typeof truth === 'number' ? 1 : truth.length };
}

/** Bytes of one record. */
export function recordBytes(layout: RecordLayout): number {
  return inputBytes(layout) + 4 * Math.max(1, layout.values);
}

/** Writes samples of a data set as records. */
export class RecordWriter {
  readonly #dataset: Dataset;
  readonly #layout: RecordLayout;
  readonly #input: Inputs;

  constructor(dataset: Dataset, layout: RecordLayout) {
    this.#dataset = dataset;
    this.#layout = layout;
    this.#input = inputsOf(layout, inputSize(layout));
  }

  /** Writes sample `index` of `split` into `target` at `offset`. @throws what the data set throws. */
  write(split: Split, index: number, target: Uint8Array, offset: number): void {
    const truth = this.#dataset.read(split, index, this.#input, 0);
    const { buffer, byteOffset, byteLength } = this.#input;
    target.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
    const view = new DataView(target.buffer, target.byteOffset + offset + byteLength);
    if (typeof truth === 'number') view.setInt32(0, truth, true);
    else for (let at = 0; at < this.#layout.values; at++) view.setFloat32(4 * at, truth[at]!, true);
  }
}

export interface RecordsOptions {
  /** What the records are of. */
  readonly description: RecordLayout &
    Pick<Dataset, 'name' | 'classNames' | 'fingerprint'> & {
      readonly train: { readonly count: number };
      readonly test: { readonly count: number };
    };
  readonly origin: string;
  /** The record of a sample: it is not kept. */
  readonly recordOf: (split: Split, index: number) => Uint8Array;
  readonly hold?: Dataset['hold'];
}

/** A data set whose samples come as records. It gives the bits of the one that they were written from. */
export function recordsDataset({ description, origin, recordOf, hold }: RecordsOptions): Dataset {
  const { name, classNames, fingerprint, inputShape, inputType, values } = description;
  const bytes = inputBytes(description);
  const size = inputSize(description);
  const [trainCount, testCount] = [description.train.count, description.test.count];
  return {
    name,
    trainCount,
    testCount,
    inputShape,
    inputType,
    classNames,
    fingerprint,
    origin,
    ...(hold === undefined ? {} : { hold }),
    read(split, index, target, offset) {
      const count = split === 'train' ? trainCount : testCount;
      if (!Number.isInteger(index) || index < 0 || index >= count) {
        throw new RangeError(`the ${split} split has samples 0 to ${count - 1}, not ${index}`);
      }
      if (offset < 0 || offset + size > target.length) {
        throw new RangeError(`no room for ${size} values at ${offset} of ${target.length}`);
      }
      const record = recordOf(split, index);
      const into = new Uint8Array(target.buffer, target.byteOffset + offset * target.BYTES_PER_ELEMENT, bytes);
      into.set(record.subarray(0, bytes));
      const view = new DataView(record.buffer, record.byteOffset + bytes);
      if (values === 0) return view.getInt32(0, true);
      return Float32Array.from({ length: values }, (_, at) => view.getFloat32(4 * at, true));
    },
  };
}

function inputSize({ inputShape }: Pick<RecordLayout, 'inputShape'>): number {
  return inputShape.reduce((product, dimension) => product * dimension, 1);
}

function inputBytes(layout: RecordLayout): number {
  return inputSize(layout) * (layout.inputType === 'uint8' ? 1 : Float32Array.BYTES_PER_ELEMENT);
}

function inputsOf({ inputType }: Pick<RecordLayout, 'inputType'>, length: number): Inputs {
  return inputType === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
}
