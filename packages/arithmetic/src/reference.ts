/**
 * The arithmetic on flat float32 vectors in plain TypeScript: what the compiled kernels (../assembly/kernels.ts) must equal
 * to the bit, and what runs where they are not there.
 */
export interface Kernels {
  /** sum ← sum + addend, each element rounded to float32 once. */
  add(sum: Float32Array, addend: Float32Array): void;
  /** The sum of the squares in float64, in eight partial sums (element i in number i mod 8), then added pairwise. */
  sumOfSquares(vector: Float32Array): number;
  /** One update of Adam, see `adamUpdate` in packages/training. Arithmetic in float64, stored as float32. */
  adam(vectors: AdamVectors, scalars: AdamScalars): void;
}

/** Vectors of one length. Those that are written are none of those that are read. */
export interface AdamVectors {
  readonly gradientSum: Float32Array;
  readonly parameters: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly parametersOut: Float32Array;
  readonly mOut: Float32Array;
  readonly vOut: Float32Array;
}

export interface AdamScalars {
  /** What the gradient's sum is divided by. */
  readonly samples: number;
  /** 1 − β1. */
  readonly decay1: number;
  /** 1 − β2. */
  readonly decay2: number;
  /** The learning rate with the bias correction. */
  readonly rate: number;
  readonly epsilon: number;
}

export const reference: Kernels = {
  add(sum, addend) {
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + addend[i]!;
  },

  sumOfSquares(vector) {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = [0, 0, 0, 0, 0, 0, 0, 0];
    const { length } = vector;
    const whole = length - (length % 8);
    for (let i = 0; i < whole; i += 8) {
      s0 += vector[i]! * vector[i]!;
      s1 += vector[i + 1]! * vector[i + 1]!;
      s2 += vector[i + 2]! * vector[i + 2]!;
      s3 += vector[i + 3]! * vector[i + 3]!;
      s4 += vector[i + 4]! * vector[i + 4]!;
      s5 += vector[i + 5]! * vector[i + 5]!;
      s6 += vector[i + 6]! * vector[i + 6]!;
      s7 += vector[i + 7]! * vector[i + 7]!;
    }
    const rest = (lane: number) => (whole + lane < length ? vector[whole + lane]! ** 2 : 0);
    return (
      s0 +
      rest(0) +
      (s1 + rest(1)) +
      (s2 + rest(2) + (s3 + rest(3))) +
      (s4 + rest(4) + (s5 + rest(5)) + (s6 + rest(6) + s7))
    );
  },

  adam({ gradientSum, parameters, m, v, parametersOut, mOut, vOut }, { samples, decay1, decay2, rate, epsilon }) {
    for (let i = 0; i < parameters.length; i++) {
      const gradient = gradientSum[i]! / samples;
      const mean = m[i]! + (gradient - m[i]!) * decay1;
      const square = v[i]! + (gradient * gradient - v[i]!) * decay2;
      mOut[i] = mean;
      vOut[i] = square;
      parametersOut[i] = parameters[i]! - (mean * rate) / (Math.sqrt(square) + epsilon);
    }
  },
};
