import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream } from '@convoy/numerics/random/stream';
import { GENERATOR_VERSION } from '@convoy/numerics/random/threefry';

/** Names how an epoch's order is made; a change gives every run another result. Part of every run's identity. */
export const PERMUTATION_VERSION = 'fisher-yates/1';

/** How samples are drawn, as server and workers tell each other: they must draw the same. */
export const SAMPLING_VERSION = `${PERMUTATION_VERSION} on ${GENERATOR_VERSION}`;

/** Half-open range of sample positions, or of sample indices. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** How the train split is cut, and how many steps that makes. */
export interface RunPlan {
  /** Training samples: indices [0, trainSamples) of the train split. */
  readonly trainSamples: number;
  /** Held-out samples: indices [trainSamples, trainSamples + validationSamples) of the train split, the last ones as in Keras. */
  readonly validationSamples: number;
  readonly testSamples: number;
  readonly stepsPerEpoch: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
}

type LengthSettings = Pick<RunConfig, 'validationSplit' | 'globalBatchSize' | 'epochs' | 'maxSteps'>;

/**
 * Cuts a data set as `model.fit(validation_split=…, batch_size=…)` does: the first `floor(n · (1 − split))` samples train.
 * @throws OperatorError when no sample is left to train on.
 */
export function planRun(config: LengthSettings, data: { trainCount: number; testCount: number }): RunPlan {
  const trainSamples = Math.floor(data.trainCount * (1 - config.validationSplit));
  if (trainSamples < 1) {
    throw new OperatorError(
      `validationSplit (${config.validationSplit}) leaves no sample of ${data.trainCount} to train on: lower it, or give more samples`,
    );
  }
  const stepsPerEpoch = Math.ceil(trainSamples / config.globalBatchSize);
  return {
    trainSamples,
    validationSamples: data.trainCount - trainSamples,
    testSamples: data.testCount,
    stepsPerEpoch,
    totalSteps: Math.min(stepsPerEpoch * (config.epochs ?? Infinity), config.maxSteps ?? Infinity),
  };
}

/** An epoch's last step when it has so few samples that its gradient is mostly chance. */
export interface RaggedEnd {
  readonly samples: number;
  /** The batch size nearest to the run's, below it, that divides the training samples or leaves at least half a batch. */
  readonly better: number;
}

/** Less of a batch than this is worth a word: Adam moves each parameter as far for four samples as for a hundred. */
const RAGGED_BELOW = 1 / 8;

/** Null when no step is that short, or no epoch ends. */
export function raggedEnd({ globalBatchSize }: Pick<RunConfig, 'globalBatchSize'>, plan: RunPlan): RaggedEnd | null {
  const { trainSamples, stepsPerEpoch, totalSteps } = plan;
  const samples = trainSamples % globalBatchSize;
  if (samples === 0 || samples >= RAGGED_BELOW * globalBatchSize || stepsPerEpoch === 1 || totalSteps < stepsPerEpoch) {
    return null;
  }
  let better = globalBatchSize - 1;
  while (trainSamples % better !== 0 && trainSamples % better < better / 2) better--;
  return { samples, better };
}

/** One optimizer step's place in the data. */
export interface StepPlan {
  readonly epoch: number;
  /** Positions in the epoch's order. The last step of an epoch may be short. */
  readonly positions: Range;
  /** Number of micro-batches, V: globalBatchSize / microBatchSize, or fewer when there are fewer samples than that. */
  readonly microBatches: number;
}

/** The plan of step `step`, counted from 0 over the whole run. */
export function planStep(
  step: number,
  config: Pick<RunConfig, 'globalBatchSize' | 'microBatchSize'>,
  plan: Pick<RunPlan, 'trainSamples' | 'stepsPerEpoch'>,
): StepPlan {
  const epoch = Math.floor(step / plan.stepsPerEpoch);
  const start = (step % plan.stepsPerEpoch) * config.globalBatchSize;
  const end = Math.min(start + config.globalBatchSize, plan.trainSamples);
  const microBatches = Math.min(Math.ceil(config.globalBatchSize / config.microBatchSize), end - start);
  return { epoch, positions: { start, end }, microBatches };
}

/** Part `index` of `parts` nearly equal, disjoint parts of a range: together they cover it, each holds at least ⌊n / parts⌋. */
export function partOf(range: Range, index: number, parts: number): Range {
  const length = range.end - range.start;
  return {
    start: range.start + Math.floor((index * length) / parts),
    end: range.start + Math.floor(((index + 1) * length) / parts),
  };
}

/** An evaluation's pieces: the split's indices cut into ⌈n / evaluationBatchSize⌉ nearly equal parts, for any number of workers. */
export function planEvaluation(
  purpose: 'validation' | 'test',
  config: Pick<RunConfig, 'evaluationBatchSize'>,
  plan: Pick<RunPlan, 'trainSamples' | 'validationSamples' | 'testSamples'>,
): { readonly split: 'train' | 'test'; readonly indices: Range; readonly pieces: number } {
  const indices =
    purpose === 'test'
      ? { start: 0, end: plan.testSamples }
      : { start: plan.trainSamples, end: plan.trainSamples + plan.validationSamples };
  const pieces = Math.ceil((indices.end - indices.start) / config.evaluationBatchSize);
  return { split: purpose === 'test' ? 'test' : 'train', indices, pieces };
}

/**
 * The order of epoch `epoch`: position → sample index. Fisher-Yates (Knuth, TAOCP 2, algorithm P) on a stream of the seed
 * and the epoch, so that server and workers derive the same indices and never send them.
 */
export function epochOrder(
  config: Pick<RunConfig, 'seed' | 'shuffle'>,
  epoch: number,
  trainSamples: number,
): Uint32Array {
  const order = Uint32Array.from({ length: trainSamples }, (_, position) => position);
  if (!config.shuffle) return order;
  const random = randomStream(config.seed, purposes.permutation, epoch);
  for (let last = trainSamples - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const swapped = order[last]!;
    order[last] = order[other]!;
    order[other] = swapped;
  }
  return order;
}
