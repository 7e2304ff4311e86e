/** A labelled set of 32×32 RGB images in two splits. Reading is a pure function of (split, index). */
export interface Dataset {
  readonly name: DatasetName;
  readonly trainCount: number;
  readonly testCount: number;
  readonly classNames: readonly string[];
  /** sha256 (hex) of everything a gradient could depend on: equal fingerprints mean equal pixels and labels. */
  readonly fingerprint: string;
  /** One line for the operator: where the images come from. */
  readonly origin: string;
  /**
   * Copies image `index` of `split` into `target` at `offset` as IMAGE_BYTES uint8 values in HWC order (row, column, RGB).
   * @returns the label, 0 … classNames.length - 1.
   * @throws RangeError when the index lies outside the split.
   */
  read(split: Split, index: number, target: Uint8Array, offset: number): number;
}

export type DatasetName = 'cifar10' | 'synthetic';
export type Split = 'train' | 'test';

export const IMAGE_SIZE = 32;
export const IMAGE_CHANNELS = 3;
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
