import { IMAGE_BYTES, type Dataset, type Split } from './dataset.ts';

/**
 * Reads the images `indices` of `split` one after another into `images`: uint8 values of shape [indices.length, 32, 32, 3].
 * @returns their labels, shape [indices.length].
 * @throws RangeError when `images` is too short or an index lies outside the split.
 */
export function readBatch(
  dataset: Dataset,
  split: Split,
  indices: Int32Array | readonly number[],
  images: Uint8Array,
): Int32Array {
  const count = indices.length;
  if (images.length < count * IMAGE_BYTES) {
    throw new RangeError(`${count} images need ${count * IMAGE_BYTES} bytes, not ${images.length}`);
  }
  const labels = new Int32Array(count);
  for (let position = 0; position < count; position++) {
    labels[position] = dataset.read(split, indices[position]!, images, position * IMAGE_BYTES);
  }
  return labels;
}

/** What a pixel's byte is divided by. */
export const PIXEL_SCALE = 255;

/**
 * Scales uint8 values to [0, 1] in `target`: pixel / 255 in float64, rounded to float32, which is what NumPy's
 * `np.array(images / 255.0, dtype=np.float32)` gives, and a division in float32 for each of the 256 values, too.
 * @throws RangeError when `target` is shorter than `images`.
 */
export function scaleImages(images: Uint8Array, target: Float32Array): void {
  const count = images.length;
  if (target.length < count) throw new RangeError(`${count} pixels need ${count} floats, not ${target.length}`);
  for (let at = 0; at < count; at++) target[at] = SCALED[images[at]!]!;
}

/** The float32 nearest to value / 255, for every value of a byte. */
const SCALED = Float32Array.from({ length: 256 }, (_, value) => value / PIXEL_SCALE);
