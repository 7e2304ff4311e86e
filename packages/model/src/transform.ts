/** Height, width and channels of an image, whose bytes are in that order. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** The bytes of one image within a batch's. */
export interface ImageBytes {
  readonly bytes: Uint8Array;
  /** Its first byte. */
  readonly at: number;
}

export interface Crop {
  /** Pixels by which the image is continued at each side, as in a mirror whose edge is the last pixel's middle. */
  readonly padding: number;
  /** The cut-out's upper left corner in the continued image, each 0 to 2 · padding. */
  readonly top: number;
  readonly left: number;
  /** Mirror what was cut out, left to right. */
  readonly isFlipped: boolean;
}

/**
 * Cuts an image of the same shape out of `source`, continued at its sides, and writes it to `target`, which is other memory.
 * He, Zhang, Ren and Sun, "Deep residual learning" (2016), section 4.2, but for the reflection where theirs are zeros.
 * `padding` is less than height and width.
 */
export function cropImage(source: ImageBytes, target: ImageBytes, shape: ImageShape, crop: Crop): void {
  const [height, width, channels] = shape;
  const { padding, top, left, isFlipped } = crop;
  const columns = Int32Array.from({ length: width }, (_, x) => {
    const column = (isFlipped ? width - 1 - x : x) + left - padding;
    return channels * reflected(column, width);
  });
  let to = target.at;
  for (let y = 0; y < height; y++) {
    const row = source.at + reflected(y + top - padding, height) * width * channels;
    for (let x = 0; x < width; x++) {
      const from = row + columns[x]!;
      for (let channel = 0; channel < channels; channel++) target.bytes[to++] = source.bytes[from + channel]!;
    }
  }
}

/** … 2 1 0 1 2 … size − 2, size − 1, size − 2 … */
function reflected(at: number, size: number): number {
  return at < 0 ? -at : at < size ? at : 2 * (size - 1) - at;
}

/**
 * What a cut-out square is filled with: the middle of a byte's range. The mean of the data set's channels, which DeVries and
 * Taylor subtract, lies within a tenth of it for photographs, and would be one more thing that server and workers must agree on.
 */
export const CUTOUT_GREY = 128;

/**
 * Fills a square of `size` pixels around (row, column), where it lies within the image. DeVries and Taylor, "Improved
 * regularization of convolutional neural networks with cutout" (2017).
 */
export function cutSquare(
  { bytes, at }: ImageBytes,
  shape: ImageShape,
  size: number,
  row: number,
  column: number,
): void {
  const [height, width, channels] = shape;
  const [top, left] = [row - (size >> 1), column - (size >> 1)];
  const [from, to] = [Math.max(0, left), Math.min(width, left + size)];
  for (let y = Math.max(0, top); y < Math.min(height, top + size); y++) {
    const start = at + y * width * channels;
    bytes.fill(CUTOUT_GREY, start + from * channels, start + to * channels);
  }
}

/** target ← (weight · a + (256 − weight) · b + 128) >> 8, byte by byte, of `length` bytes. `target` may be `a`. */
export function mixBytes(a: ImageBytes, b: ImageBytes, target: ImageBytes, length: number, weight: number): void {
  for (let n = 0; n < length; n++) {
    const mixed = weight * a.bytes[a.at + n]! + (256 - weight) * b.bytes[b.at + n]!;
    target.bytes[target.at + n] = (mixed + 128) >> 8;
  }
}
