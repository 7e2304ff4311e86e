import type { TensorTable } from '@convoy/protocol/tensor';
import { randomStream, type RandomStream } from '@convoy/numerics/random/stream';
import { purposes } from '@convoy/numerics/random/purposes';
import { createOptimizer, DEFAULT_OPTIMIZERS, normOf, slotsOf, type OptimizerState } from '../optimizer/optimizer.ts';
import { Health, type HealthFact } from './health.ts';
import { PROBE_EVERY_STEPS, probeKernels } from './norms.ts';
import { silentUnits } from './units.ts';

const INPUTS = 12;
const HIDDEN = 24;
const CLASSES = 10;
const BATCH = 32;
/** The spread of each input around its cluster's centre: clusters overlap. */
const NOISE = 3;

export const TENSORS: TensorTable = [
  { name: 'hidden/kernel', shape: [INPUTS, HIDDEN], offset: 0, size: INPUTS * HIDDEN },
  { name: 'hidden/bias', shape: [HIDDEN], offset: INPUTS * HIDDEN, size: HIDDEN },
  { name: 'output/kernel', shape: [HIDDEN, CLASSES], offset: HIDDEN * (INPUTS + 1), size: HIDDEN * CLASSES },
  { name: 'output/bias', shape: [CLASSES], offset: HIDDEN * (INPUTS + 1 + CLASSES), size: CLASSES },
];
const LENGTH = HIDDEN * (INPUTS + 1 + CLASSES) + CLASSES;

export interface ToyOptions {
  readonly seed: number;
  readonly steps: number;
  readonly learningRate: number;
  /** Steps between two validations on fresh samples. */
  readonly stepsPerEpoch?: number;
}

/**
 * A training with everything in it: a network with one hidden layer of relus learns to tell ten noisy clusters apart, with
 * Adam, watched as the server watches.
 * @returns what was found, in order.
 */
export function watchToyTraining({ seed, steps, learningRate, stepsPerEpoch = 100 }: ToyOptions): HealthFact[] {
  const optimizerConfig = { ...DEFAULT_OPTIMIZERS.adam, learningRate };
  const optimizer = createOptimizer(optimizerConfig, { tensors: TENSORS });
  const chance = randomStream(seed, purposes.synthetic, 0);
  const centres = Float64Array.from({ length: CLASSES * INPUTS }, () => 4 * (chance.unit() - 0.5));
  const fresh = () => ({
    parameters: new Float32Array(LENGTH),
    slots: Object.fromEntries(slotsOf(optimizerConfig).map((name) => [name, new Float32Array(LENGTH)])),
  });
  let state: OptimizerState = { updates: 0, ...fresh() };
  initialise(state.parameters, chance);
  const health = new Health({ classes: CLASSES, warmupSteps: 0, tensors: TENSORS });
  const found: HealthFact[] = [];
  let epoch = { loss: 0, correct: 0 };
  for (let step = 1; step <= steps; step++) {
    const { gradient, lossSum, correct } = computeGradient(state.parameters, centres, chance);
    const next = optimizer.update(state, gradient, BATCH, learningRate, fresh());
    found.push(
      ...health.stepped({
        step,
        samples: BATCH,
        correct,
        loss: lossSum / BATCH,
        accuracy: correct / BATCH,
        gradientNorm: normOf(gradient, BATCH),
        silent: silentUnits(gradient, health.layers),
        kernels:
          step % PROBE_EVERY_STEPS === 0
            ? probeKernels(TENSORS, gradient, BATCH, state.parameters, next.parameters)
            : null,
      }),
    );
    state = next;
    epoch = { loss: epoch.loss + lossSum, correct: epoch.correct + correct };
    if (step % stepsPerEpoch !== 0) continue;
    const seen = stepsPerEpoch * BATCH;
    health.epochEnded({ step, loss: epoch.loss / seen, accuracy: epoch.correct / seen });
    epoch = { loss: 0, correct: 0 };
    const pieces = Array.from({ length: 8 }, () => computeGradient(state.parameters, centres, chance));
    const sum = (of: (piece: (typeof pieces)[number]) => number) =>
      pieces.reduce((total, piece) => total + of(piece), 0);
    const samples = pieces.length * BATCH;
    const [loss, accuracy] = [sum(({ lossSum }) => lossSum) / samples, sum(({ correct }) => correct) / samples];
    found.push(...health.validated({ step, samples, loss, accuracy }));
  }
  return found;
}

/** Glorot's uniform kernels, biases of 0. */
function initialise(parameters: Float32Array, chance: RandomStream): void {
  for (const { shape, offset, size } of TENSORS.filter(({ shape }) => shape.length === 2)) {
    const limit = Math.sqrt(6 / (shape[0]! + shape[1]!));
    for (let i = 0; i < size; i++) parameters[offset + i] = limit * (2 * chance.unit() - 1);
  }
}

/** Sums over a batch of samples drawn from `chance`. Plain loops: it is computed many thousand times. */
function computeGradient(parameters: Float32Array, centres: Float64Array, chance: RandomStream) {
  const parts = (vector: Float32Array) => TENSORS.map(({ offset, size }) => vector.subarray(offset, offset + size));
  const gradient = new Float32Array(LENGTH);
  const [kernel1, bias1, kernel2, bias2] = parts(parameters) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const [slope1, slopeOfBias1, slope2, slopeOfBias2] = parts(gradient) as [
    typeof bias1,
    typeof bias1,
    typeof bias1,
    typeof bias1,
  ];
  const input = new Float64Array(INPUTS);
  const hidden = new Float64Array(HIDDEN);
  const logits = new Float64Array(CLASSES);
  let lossSum = 0;
  let correct = 0;
  for (let sample = 0; sample < BATCH; sample++) {
    const label = chance.below(CLASSES);
    for (let i = 0; i < INPUTS; i++) input[i] = centres[label * INPUTS + i]! + NOISE * (chance.unit() - 0.5);
    for (let j = 0; j < HIDDEN; j++) {
      let sum = bias1[j]!;
      for (let i = 0; i < INPUTS; i++) sum += input[i]! * kernel1[i * HIDDEN + j]!;
      hidden[j] = Math.max(0, sum);
    }
    for (let k = 0; k < CLASSES; k++) {
      let sum = bias2[k]!;
      for (let j = 0; j < HIDDEN; j++) sum += hidden[j]! * kernel2[j * CLASSES + k]!;
      logits[k] = sum;
    }
    const largest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - largest));
    const total = powers.reduce((a, b) => a + b);
    lossSum += Math.log(total) + largest - logits[label]!;
    if (logits.indexOf(largest) === label) correct++;
    const errors = powers.map((power, k) => power / total - (k === label ? 1 : 0));
    for (let k = 0; k < CLASSES; k++) slopeOfBias2[k]! += errors[k]!;
    for (let j = 0; j < HIDDEN; j++) {
      if (hidden[j] === 0) continue;
      let back = 0;
      for (let k = 0; k < CLASSES; k++) {
        slope2[j * CLASSES + k]! += hidden[j]! * errors[k]!;
        back += errors[k]! * kernel2[j * CLASSES + k]!;
      }
      slopeOfBias1[j]! += back;
      for (let i = 0; i < INPUTS; i++) slope1[i * HIDDEN + j]! += input[i]! * back;
    }
  }
  return { gradient, lossSum, correct };
}
