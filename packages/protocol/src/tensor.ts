/** One named tensor's place in the flat parameter vector. */
export interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** Index of its first element in the flat vector. */
  readonly offset: number;
  /** Number of elements: the product of `shape`. */
  readonly size: number;
  /**
   * Marks a moving statistic, which no optimizer touches: the share of its value that a step keeps. Absent in what is
   * trained, which comes first in the vector.
   */
  readonly momentum?: number;
}

/** The flat vector's layout, in order, without gaps. */
export type TensorTable = readonly TensorEntry[];

const hostIsLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** The little-endian bytes of a float32 vector: a view of its memory, not a copy. */
export function float32Bytes(values: Float32Array): Uint8Array {
  assertLittleEndian();
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/**
 * Copies little-endian float32 bytes, at any alignment, into `target`.
 * @throws RangeError when the lengths differ.
 */
export function copyFloat32(bytes: Uint8Array, target: Float32Array): void {
  if (bytes.byteLength !== target.byteLength) {
    throw new RangeError(`expected ${target.byteLength} bytes of float32, got ${bytes.byteLength}`);
  }
  float32Bytes(target).set(bytes);
}

/**
 * Little-endian float32 bytes, at any alignment, as a new vector.
 * @throws RangeError when they are no whole number of values.
 */
export function readFloat32(bytes: Uint8Array): Float32Array {
  const values = new Float32Array(bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
  copyFloat32(bytes, values);
  return values;
}

function assertLittleEndian(): void {
  if (!hostIsLittleEndian) throw new Error('tensors travel as little-endian bytes and this machine is big-endian');
}
