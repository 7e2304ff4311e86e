import { createHash } from 'node:crypto';
import { float32Bytes } from '@convoy/protocol/tensor';
import { purposes } from '@convoy/random/purposes';
import { randomStream } from '@convoy/random/stream';
import type { Model } from './architecture.ts';
import type { DropoutDraw } from './dropout.ts';
import { initialValues } from './initial-values.ts';
import type { Batch, Program } from './program.ts';

export interface SelfTest {
  /** sha256 (hex) of a fixed gradient's bits: equal where the arithmetic is equal. */
  readonly fingerprint: string;
  /** |slope along the gradient by finite differences / ‖gradient‖² − 1|. */
  readonly error: number;
  readonly passed: boolean;
}

const SEED = 20_260_101;
const SAMPLES = 4;
const DROPOUT: DropoutDraw = { seed: SEED, epoch: 0, positions: { start: 0, end: SAMPLES } };
/** Relative to ‖parameters‖: at 1e-3 the kinks of relu weigh 14 %, at 3e-5 1 %, at 1e-6 rounding takes over. */
const STEP = 3e-5;
const TOLERANCE = 0.05;

/**
 * Checks a program's gradient on a fixed small batch against the loss it claims to be the gradient of, by a central
 * difference along the gradient. Some builds of TensorFlow compute wrong gradients on some processors: better to know
 * before training.
 */
export function selfTest(program: Program, model: Model): SelfTest {
  const parameters = initialValues(model, SEED);
  const batch = fixedBatch(model);
  const gradient = fixedGradient(program, model, null);
  const gradientSquared = dot(gradient, gradient);
  const step = (STEP * Math.sqrt(dot(parameters, parameters))) / Math.sqrt(gradientSquared);
  const lossAt = (sign: number) => {
    program.setParameters(parameters.map((value, i) => value + sign * step * gradient[i]!));
    return program.evaluate(batch).lossSum;
  };
  const slope = (lossAt(1) - lossAt(-1)) / (2 * step);
  const error = Math.abs(slope / gradientSquared - 1);
  return {
    fingerprint: createHash('sha256').update(float32Bytes(gradient)).digest('hex'),
    error,
    passed: error < TOLERANCE,
  };
}

/** The gradient on the fixed batch, with dropout unless told otherwise: what two programs are compared by. */
export function fixedGradient(program: Program, model: Model, dropout: DropoutDraw | null = DROPOUT): Float32Array {
  const gradient = new Float32Array(model.parameterCount);
  program.setParameters(initialValues(model, SEED));
  program.gradient(fixedBatch(model), dropout, gradient);
  return gradient;
}

function fixedBatch(model: Model): Batch {
  const pixels = model.layers[0]!.outputShape.reduce((size, dimension) => size * dimension, 1);
  const random = randomStream(SEED, purposes.selfTest);
  return {
    images: Float32Array.from({ length: SAMPLES * pixels }, () => random.unit()),
    labels: Int32Array.from({ length: SAMPLES }, () => random.below(model.classes)),
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
