/**
 * bfloat16 in plain TypeScript: the upper half of a float32, so the same range with 8 significant bits (a relative error of
 * 2⁻⁹ at most). What the compiled kernels must equal to the bit, and what runs where they are not there.
 */
export interface Bfloat16Kernels {
  /** vector ← its elements rounded to the nearest bfloat16, ties to even; beyond the largest is infinity, NaN is the one NaN. */
  round(vector: Float32Array): void;
  /** sum ← sum + addend, each element rounded to float32 and then to bfloat16. */
  addRounded(sum: Float32Array, addend: Float32Array): void;
  /** Leaves bfloat16 values in the first half of the vector's bytes, two bytes each. Nothing is lost of a rounded vector. */
  narrow(vector: Float32Array): void;
  /** The way back: from the first half of the vector's bytes to its elements. */
  widen(vector: Float32Array): void;
}

/** Every NaN becomes this one: which NaN an addition gives is each processor's own affair. */
const QUIET_NAN = 0x7fc0_0000;
const INFINITY = 0x7f80_0000;

export const bfloat16Reference: Bfloat16Kernels = {
  round(vector) {
    const bits = bitsOf(vector);
    for (let i = 0; i < bits.length; i++) bits[i] = rounded(bits[i]!);
  },

  addRounded(sum, addend) {
    const bits = bitsOf(sum);
    for (let i = 0; i < sum.length; i++) {
      sum[i] = sum[i]! + addend[i]!;
      bits[i] = rounded(bits[i]!);
    }
  },

  narrow(vector) {
    const [wide, narrow] = [bitsOf(vector), halvesOf(vector)];
    for (let i = 0; i < wide.length; i++) narrow[i] = wide[i]! >>> 16;
  },

  widen(vector) {
    const [wide, narrow] = [bitsOf(vector), halvesOf(vector)];
    // From the end: an element is written where only those after it were read.
    for (let i = wide.length - 1; i >= 0; i--) wide[i] = narrow[i]! << 16;
  },
};

/** A float32's bits rounded to those of a bfloat16. What carries over into the exponent is the next power of two, or infinity. */
function rounded(bits: number): number {
  if ((bits & 0x7fff_ffff) > INFINITY) return QUIET_NAN;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff_0000;
}

function bitsOf({ buffer, byteOffset, length }: Float32Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length);
}

function halvesOf({ buffer, byteOffset, length }: Float32Array): Uint16Array {
  return new Uint16Array(buffer, byteOffset, length);
}
