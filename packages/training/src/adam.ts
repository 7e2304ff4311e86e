import { adam, sumOfSquares } from '@convoy/arithmetic/vectors';

/** Adam's settings, Keras's names and defaults. */
export interface AdamSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

export const DEFAULT_ADAM: AdamSettings = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

/** Parameters and moments, flat vectors of one length: all that Adam reads and writes, with the count of updates. */
export interface AdamState {
  /** Updates applied so far. */
  readonly updates: number;
  readonly parameters: Float32Array;
  /** First moment: the running mean of gradients. */
  readonly m: Float32Array;
  /** Second moment: the running mean of squared gradients. */
  readonly v: Float32Array;
}

type AdamVectors = Pick<AdamState, 'parameters' | 'm' | 'v'>;

/**
 * One update with the mean gradient `gradientSum / samples`, from `state` into the vectors of `into` (which may not be
 * those of `state`: a failure half-way changes nothing).
 *
 * Kingma and Ba, "Adam" (2015), in the form of the last paragraph of its section 2 that Keras and TensorFlow implement:
 * ε is added to √v before the bias correction ("ε-hat"). Arithmetic in float64, stored as float32.
 */
export function adamUpdate(
  state: AdamState,
  gradientSum: Float32Array,
  samples: number,
  { learningRate, beta1, beta2, epsilon }: AdamSettings,
  into: AdamVectors,
): AdamState {
  const updates = state.updates + 1;
  const rate = (learningRate * Math.sqrt(1 - integerPower(beta2, updates))) / (1 - integerPower(beta1, updates));
  const { parameters, m, v } = state;
  const { parameters: parametersOut, m: mOut, v: vOut } = into;
  adam(
    { gradientSum, parameters, m, v, parametersOut, mOut, vOut },
    { samples, decay1: 1 - beta1, decay2: 1 - beta2, rate, epsilon },
  );
  return { updates, parameters: parametersOut, m: mOut, v: vOut };
}

/** base^exponent by repeated squaring: unlike Math.pow the same bits in every JavaScript engine. */
export function integerPower(base: number, exponent: number): number {
  let power = 1;
  let square = base;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power *= square;
    square *= square;
  }
  return power;
}

/** Euclidean norm of a vector divided by `divisor`, accumulated in float64: finite exactly when every element is. */
export function normOf(vector: Float32Array, divisor = 1): number {
  return Math.sqrt(sumOfSquares(vector)) / divisor;
}
