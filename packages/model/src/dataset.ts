/** The values of samples, one after another: bytes, which an engine divides by 255, or floats as they are. */
export type Inputs = Uint8Array | Float32Array;

/** Samples in two splits, each with a class or with values. Reading is a pure function of (split, index). */
export interface Dataset {
  readonly name: string;
  readonly trainCount: number;
  readonly testCount: number;
  /** The shape of one sample's input. */
  readonly inputShape: readonly number[];
  readonly inputType: 'uint8' | 'float32';
  /** By label; none where samples have values. */
  readonly classNames: readonly string[];
  /** sha256 (hex) of everything a gradient could depend on: equal fingerprints mean equal inputs, labels and values. */
  readonly fingerprint: string;
  /** One line for the operator: where the samples come from. */
  readonly origin: string;
  /** What the operator should hear before a training starts, a line each. */
  readonly notes?: readonly string[];
  /** The files that everything is read from, where there are such: another machine that has them has the data set. */
  readonly files?: readonly DataFile[];
  /**
   * Fetches samples that `read` will be asked for. Where it is there, `read` knows only what was held since the last few calls.
   * @param isWanted false when nobody waits for them any more: it rejects then.
   */
  hold?(split: Split, indices: Int32Array, isWanted: () => boolean): Promise<void>;
  /**
   * Copies the input of sample `index` of `split` into `target` at `offset`, in the order of the shape.
   * @returns its label, 0 … classNames.length - 1, or its values, which may change with the next call.
   * @throws RangeError when the index lies outside the split.
   */
  read(split: Split, index: number, target: Inputs, offset: number): number | ArrayLike<number>;
}

/** A file of a data set. */
export interface DataFile {
  readonly name: string;
  /** Where it lies on this machine. */
  readonly path: string;
  /** The address that every machine reaches it at, if there is one. */
  readonly url: string | null;
}

/** A labelled set of 32×32 RGB images. */
export interface ImageDataset extends Dataset {
  readonly name: DatasetName;
  /**
   * Copies image `index` of `split` into `target` at `offset` as IMAGE_BYTES uint8 values in HWC order (row, column, RGB).
   * @returns the label, 0 … classNames.length - 1.
   * @throws RangeError when the index lies outside the split.
   */
  read(split: Split, index: number, target: Uint8Array, offset: number): number;
}

/** The sets that Convoy brings. */
export type DatasetName = 'cifar10' | 'synthetic';
export type Split = 'train' | 'test';

export const IMAGE_SIZE = 32;
const IMAGE_CHANNELS = 3;
export const IMAGE_SHAPE = [IMAGE_SIZE, IMAGE_SIZE, IMAGE_CHANNELS] as const;
/** Bytes of one image: 32 · 32 · 3. */
export const IMAGE_BYTES = IMAGE_SIZE * IMAGE_SIZE * IMAGE_CHANNELS;

/** CIFAR-10's classes in label order (the lesson this model comes from misspells the eighth). */
export const CIFAR10_CLASS_NAMES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;
