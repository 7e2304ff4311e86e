import { bfloat16Reference, type Bfloat16Kernels } from './bfloat16.ts';

/**
 * The arithmetic on flat float32 vectors in plain TypeScript: what the compiled kernels (../assembly/kernels.ts) must equal
 * to the bit, and what runs where they are not there.
 */
export interface Kernels extends Bfloat16Kernels {
  /** sum ← sum + addend, each element rounded to float32 once. */
  add(sum: Float32Array, addend: Float32Array): void;
  /** The sum of the squares in float64, in eight partial sums (element i in number i mod 8), then added pairwise. */
  sumOfSquares(vector: Float32Array): number;
  /** One update of Adam, see packages/training/src/optimizer/adam.ts. Arithmetic in float64, stored as float32. */
  adam(vectors: AdamVectors, scalars: AdamScalars): void;
  /** One update of gradient descent, see sgd.ts there. */
  sgd(vectors: SgdVectors, scalars: SgdScalars): void;
  /** One update of RMSprop, see rmsprop.ts there. */
  rmsprop(vectors: RmspropVectors, scalars: RmspropScalars): void;
}

/** Vectors of one length, that are read and written by every update. Those that are written are none of those that are read. */
interface UpdateVectors {
  readonly gradientSum: Float32Array;
  readonly parameters: Float32Array;
  readonly parametersOut: Float32Array;
}

interface UpdateScalars {
  /** What the gradient's sum is divided by. */
  readonly divisor: number;
  /** What a parameter is multiplied by before it is moved: 1 without weight decay. */
  readonly keep: number;
}

export interface AdamVectors extends UpdateVectors {
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly mOut: Float32Array;
  readonly vOut: Float32Array;
}

export interface AdamScalars extends UpdateScalars {
  /** 1 − β1. */
  readonly decay1: number;
  /** 1 − β2. */
  readonly decay2: number;
  /** The learning rate with the bias correction. */
  readonly rate: number;
  readonly epsilon: number;
}

/** Both velocities are null where there is no momentum. */
export interface SgdVectors extends UpdateVectors {
  readonly velocity: Float32Array | null;
  readonly velocityOut: Float32Array | null;
}

export interface SgdScalars extends UpdateScalars {
  readonly rate: number;
  readonly momentum: number;
  /** What the parameters move by is `ahead` times the new velocity less `aside` times the gradient: 1 and 0, but for Nesterov. */
  readonly ahead: number;
  readonly aside: number;
}

/** What is not kept is null, before and after. */
export interface RmspropVectors extends UpdateVectors {
  readonly velocity: Float32Array;
  readonly momentum: Float32Array | null;
  readonly averageGradient: Float32Array | null;
  readonly velocityOut: Float32Array;
  readonly momentumOut: Float32Array | null;
  readonly averageGradientOut: Float32Array | null;
}

export interface RmspropScalars extends UpdateScalars {
  readonly rate: number;
  /** 1 − ρ. */
  readonly decay: number;
  /** The factor of the momentum's vector. */
  readonly inertia: number;
  readonly epsilon: number;
}

export const reference: Kernels = {
  ...bfloat16Reference,

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

  adam({ gradientSum, parameters, m, v, parametersOut, mOut, vOut }, { divisor, decay1, decay2, rate, epsilon, keep }) {
    for (let i = 0; i < parameters.length; i++) {
      const gradient = gradientSum[i]! / divisor;
      const mean = m[i]! + (gradient - m[i]!) * decay1;
      const square = v[i]! + (gradient * gradient - v[i]!) * decay2;
      mOut[i] = mean;
      vOut[i] = square;
      parametersOut[i] = parameters[i]! * keep - (mean * rate) / (Math.sqrt(square) + epsilon);
    }
  },

  sgd(vectors, { divisor, rate, momentum, ahead, aside, keep }) {
    const { gradientSum, parameters, velocity, parametersOut, velocityOut } = vectors;
    for (let i = 0; i < parameters.length; i++) {
      const gradient = gradientSum[i]! / divisor;
      const kept = parameters[i]! * keep;
      if (velocity === null) parametersOut[i] = kept - gradient * rate;
      else {
        const speed = velocity[i]! * momentum - gradient * rate;
        velocityOut![i] = speed;
        parametersOut[i] = kept + (speed * ahead - gradient * aside);
      }
    }
  },

  rmsprop(vectors, { divisor, rate, decay, inertia, epsilon, keep }) {
    const { gradientSum, parameters, velocity, momentum, averageGradient } = vectors;
    const { parametersOut, velocityOut, momentumOut, averageGradientOut } = vectors;
    for (let i = 0; i < parameters.length; i++) {
      const gradient = gradientSum[i]! / divisor;
      const square = velocity[i]! + (gradient * gradient - velocity[i]!) * decay;
      velocityOut[i] = square;
      let spread = square;
      if (averageGradient !== null) {
        const average = averageGradient[i]! + (gradient - averageGradient[i]!) * decay;
        averageGradientOut![i] = average;
        spread = square - average * average;
      }
      let move = (gradient * rate) / Math.sqrt(spread + epsilon);
      if (momentum !== null) {
        move = momentum[i]! * inertia + move;
        momentumOut![i] = move;
      }
      parametersOut[i] = parameters[i]! * keep - move;
    }
  },
};
