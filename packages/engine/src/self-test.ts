import { createHash } from 'node:crypto';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { float32Bytes } from '@convoy/protocol/tensor';
import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream } from '@convoy/numerics/random/stream';
import type { Model } from '@convoy/model/architecture';
import type { DropoutDraw } from '@convoy/model/dropout';
import { expectedOf } from '@convoy/model/loss';
import { initialValues } from '@convoy/model/initial-values';
import type { Batch, Program } from './program.ts';

export interface SelfTest {
  /** sha256 (hex) of a fixed gradient's bits, dropout included: equal where the arithmetic is equal. */
  readonly fingerprint: string;
  /** |slope along the gradient by finite differences / ‖gradient‖² − 1|; NaN where there is no gradient. */
  readonly error: number;
  readonly passed: boolean;
}

const SEED = 20_260_101;
/** Enough to check a gradient; a fingerprint takes as many as the run's micro-batches. */
const SAMPLES = 4;
/** Relative to ‖parameters‖: at 1e-3 the kinks of relu weigh 14 %, at 3e-5 1 %, at 1e-6 rounding takes over. */
const STEP = 3e-5;
const TOLERANCE = 0.05;

/**
 * Checks a program's gradient on a fixed small batch against the loss it claims to be the gradient of, by a central
 * difference along the gradient. Some builds of TensorFlow compute wrong gradients on some processors: better to know
 * before training.
 * @param microBatch samples of the fingerprint: libraries choose their algorithms, and so their roundings, by size.
 * @param parameters {@link fixedParameters}, from whoever has drawn them already.
 */
export function selfTest(
  program: Program,
  model: Model,
  microBatch = SAMPLES,
  parameters = fixedParameters(model),
): SelfTest {
  const { trainableCount } = model;
  const batch = fixedBatch(model, SAMPLES);
  const fingerprint = digestOf(fixedGradient(program, model, { samples: microBatch, parameters }));
  const gradient = fixedGradient(program, model, { dropout: false, parameters }).fill(0, trainableCount);
  const gradientSquared = dot(gradient, gradient);
  const trained = parameters.subarray(0, trainableCount);
  const step = (STEP * Math.sqrt(dot(trained, trained))) / Math.sqrt(gradientSquared);
  const scratch = new Float32Array(gradient.length);
  const lossAt = (sign: number) => {
    program.setParameters(parameters.map((value, i) => value + sign * step * gradient[i]!));
    // Not `evaluate`, which normalises with other statistics than the gradient's.
    return program.gradient(batch, null, scratch).lossSum;
  };
  const slope = (lossAt(1) - lossAt(-1)) / (2 * step);
  const error = Math.abs(slope / gradientSquared - 1);
  return {
    fingerprint,
    error,
    passed: error < TOLERANCE,
  };
}

/**
 * @throws OperatorError that says who is at fault: an engine that computes wrong gradients, or a model without one.
 */
export function assertPassed({ passed, error }: SelfTest): void {
  if (passed) return;
  if (Number.isNaN(error)) {
    throw new OperatorError(
      "the model's gradient is zero, or not finite, with its first parameters: look for a layer that lets nothing through, or a rescaling that is far off",
      { exitCode: exitCodes.data },
    );
  }
  throw new OperatorError(
    `this engine computes wrong gradients (off by ${(100 * error).toFixed(1)} %): try --engine wasm, or ONEDNN_MAX_CPU_ISA=AVX2`,
    { exitCode: exitCodes.engine },
  );
}

/** A library that compiles what it has run a few times has done so by then. */
const REPEATS = 3;

/**
 * Takes the fingerprint's gradient again: an engine whose arithmetic changes while it runs can't train a deterministic run.
 * @param microBatch as of {@link selfTest}. @throws OperatorError when the bits are others than at first.
 */
export function assertRepeatable(program: Program, model: Model, microBatch: number, { fingerprint }: SelfTest): void {
  const parameters = fixedParameters(model);
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    if (digestOf(fixedGradient(program, model, { samples: microBatch, parameters })) === fingerprint) continue;
    throw new OperatorError(
      'this engine gives a gradient other bits when it computes it again, so it has no part in a --deterministic run: unset what changes its arithmetic (TF_XLA_FLAGS and the like), or try --engine wasm',
      { exitCode: exitCodes.engine },
    );
  }
}

/** Where {@link fixedGradient} is taken. Drawing them takes longer than a small gradient. */
export function fixedParameters(model: Model): Float32Array {
  return initialValues(model, SEED);
}

interface FixedGradientOptions {
  readonly samples?: number;
  readonly dropout?: boolean;
  readonly parameters?: Float32Array;
}

/** The gradient on a fixed batch, with dropout unless told otherwise: what two programs are compared by. */
export function fixedGradient(
  program: Program,
  model: Model,
  { samples = SAMPLES, dropout = true, parameters = fixedParameters(model) }: FixedGradientOptions = {},
): Float32Array {
  const draw: DropoutDraw = { seed: SEED, epoch: 0, positions: { start: 0, end: samples } };
  const gradient = new Float32Array(model.parameterCount);
  program.setParameters(parameters);
  program.gradient(fixedBatch(model, samples), dropout ? draw : null, gradient);
  return gradient;
}

function digestOf(gradient: Float32Array): string {
  return createHash('sha256').update(float32Bytes(gradient)).digest('hex');
}

function fixedBatch(model: Model, samples: number): Batch {
  const { input, outputs, loss } = model;
  const random = randomStream(SEED, purposes.selfTest);
  const length = samples * input.size;
  const inputs =
    input.type === 'uint8'
      ? Uint8Array.from({ length }, () => random.below(256))
      : Float32Array.from({ length }, () => random.unit());
  if (expectedOf(loss) === 'values') {
    const targets = Float32Array.from({ length: samples * outputs }, () => random.unit());
    return { inputs, labels: new Int32Array(0), targets };
  }
  return { inputs, labels: Int32Array.from({ length: samples }, () => random.below(outputs)) };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
