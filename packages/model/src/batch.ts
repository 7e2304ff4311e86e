import type { Dataset, Inputs, Split } from './dataset.ts';

/** What is expected of samples: labels of a set with classes, else values, [N, values], of which the other set has none. */
export interface Expected {
  readonly labels: Int32Array;
  readonly values: Float32Array | null;
}

/**
 * Reads the samples `indices` of `split` one after another into `inputs`: shape [indices.length, ...dataset.inputShape].
 * @returns their labels, shape [indices.length], or their values.
 * @throws RangeError when `inputs` is too short, an index lies outside the split or a sample has not as many values as the first.
 */
export function readBatch(
  dataset: Dataset,
  split: Split,
  indices: Int32Array | readonly number[],
  inputs: Inputs,
): Expected {
  const size = dataset.inputShape.reduce((product, dimension) => product * dimension, 1);
  const count = indices.length;
  if (inputs.length < count * size) {
    throw new RangeError(`${count} samples need ${count * size} values, not ${inputs.length}`);
  }
  if (dataset.classNames.length > 0) {
    const labels = new Int32Array(count);
    for (let position = 0; position < count; position++) {
      labels[position] = dataset.read(split, indices[position]!, inputs, position * size) as number;
    }
    return { labels, values: null };
  }
  let values: Float32Array | null = null;
  for (let position = 0; position < count; position++) {
    const read = dataset.read(split, indices[position]!, inputs, position * size) as ArrayLike<number>;
    values ??= new Float32Array(count * read.length);
    values.set(read, position * read.length);
  }
  return { labels: new Int32Array(0), values: values ?? new Float32Array(0) };
}

/** What a byte is divided by. */
export const BYTE_SCALE = 255;

/**
 * Scales bytes to [0, 1] in `target`: byte / 255 in float64, rounded to float32, which is what NumPy's
 * `np.array(images / 255.0, dtype=np.float32)` gives, and a division in float32 for each of the 256 values, too.
 * @throws RangeError when `target` is shorter than `bytes`.
 */
export function scaleBytes(bytes: Uint8Array, target: Float32Array): void {
  const count = bytes.length;
  if (target.length < count) throw new RangeError(`${count} bytes need ${count} floats, not ${target.length}`);
  for (let at = 0; at < count; at++) target[at] = SCALED[bytes[at]!]!;
}

/** The float32 nearest to value / 255, for every value of a byte. */
const SCALED = Float32Array.from({ length: 256 }, (_, value) => value / BYTE_SCALE);
