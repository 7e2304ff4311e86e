import type { RunConfig } from '@convoy/protocol/run-config';
import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream } from '@convoy/numerics/random/stream';
import { cifar10 } from '@convoy/cifar10/workload';
import { resolveConfig } from '@convoy/training/config';
import { DEFAULT_COORDINATOR_OPTIONS, type CoordinatorOptions } from '@convoy/training/coordinator/options';
import type { RunPlan } from '@convoy/training/sampling';

/** What is trained, apart from who trains it and what befalls them. */
export interface Problem {
  readonly seed: number;
  readonly config: RunConfig;
  readonly plan: RunPlan;
  readonly options: CoordinatorOptions;
  /** How many of a step's attempts the guard refuses: by step alone, so it is the same on every cluster. */
  readonly refusals: readonly (0 | 1 | 2)[];
  /** Steps whose honest gradients look unbelievable. */
  readonly incredible: readonly boolean[];
  /** What is decided at the ends of epochs; null where nothing is. */
  readonly callbacks: ProblemCallbacks | null;
  /** Every so many problems has a cluster of this size. */
  readonly isLarge: boolean;
}

/** Decisions by the number of commits and skips alone, so they are the same on every cluster. */
export interface ProblemCallbacks {
  /** No step follows this one, the last of an epoch or of the run. */
  readonly stopAfter: number;
  /** The parameters after this step, the last of an epoch, are the final ones; null for those that the training ends with. */
  readonly keepAfter: number | null;
  /** Whether the end of an epoch after so many steps is worth a checkpoint. */
  readonly saves: readonly boolean[];
}

/** Consecutive seeds share a problem: the first is undisturbed, the others are what may befall it. */
export const SCHEDULES_PER_PROBLEM = 8;
/** A problem for a large cluster costs as much as fifty others. */
const LARGE_EVERY = 500;

const config = resolveConfig(cifar10, { dataset: { name: 'synthetic', seed: 1, trainCount: 1, testCount: 1 } });

/** The problem that a training's seed belongs to. Sizes are small, so that corners are near. */
export function problemOf(trainingSeed: number): Problem {
  const seed = Math.floor(trainingSeed / SCHEDULES_PER_PROBLEM);
  const random = randomStream(seed, purposes.selfTest, 1);
  const chance = (percent: number) => random.below(100) < percent;
  const isLarge = seed % LARGE_EVERY === LARGE_EVERY - 1;

  const microBatches = isLarge ? 48 + random.below(50) : 1 + random.below(17);
  const microBatchSize = 1 + random.below(3);
  const globalBatchSize = microBatches * microBatchSize;
  const stepsPerEpoch = 1 + random.below(4);
  // The last step of an epoch is short, down to one sample.
  const trainSamples =
    (stepsPerEpoch - 1) * globalBatchSize + (chance(50) ? globalBatchSize : 1 + random.below(globalBatchSize));
  const totalSteps = isLarge ? 3 : Math.min(12, stepsPerEpoch * (1 + random.below(4)) + random.below(2));
  const validationSamples = chance(50) ? 1 + random.below(40) : 0;
  const testSamples = chance(50) ? 1 + random.below(40) : 0;

  // Some go so badly that they halt.
  const isBad = chance(12);
  return {
    seed,
    config: { ...config, globalBatchSize, microBatchSize, evaluationBatchSize: 3 + random.below(20) },
    plan: { trainSamples, validationSamples, testSamples, stepsPerEpoch, totalSteps },
    options: {
      ...DEFAULT_COORDINATOR_OPTIONS,
      minWorkers: chance(60) ? 1 : 2 + random.below(2),
      maxConsecutiveSkips: 2 + random.below(2),
      checkpointEverySteps: chance(60) ? 1 + random.below(4) : null,
      checkpointEveryMs: chance(20) ? 500 + random.below(5_000) : null,
      maxDeadlineMs: chance(50) ? DEFAULT_COORDINATOR_OPTIONS.maxDeadlineMs : 3_000 + random.below(10_000),
      graceMs: chance(70) ? DEFAULT_COORDINATOR_OPTIONS.graceMs : 500 + random.below(6_000),
    },
    refusals: Array.from({ length: totalSteps }, () => (chance(isBad ? 20 : 85) ? 0 : chance(isBad ? 20 : 60) ? 1 : 2)),
    incredible: Array.from({ length: totalSteps }, () => chance(6)),
    callbacks: callbacksOf(seed, stepsPerEpoch, totalSteps),
    isLarge,
  };
}

function callbacksOf(seed: number, stepsPerEpoch: number, totalSteps: number): ProblemCallbacks | null {
  const random = randomStream(seed, purposes.selfTest, 5);
  if (random.below(100) < 50) return null;
  const epochs = Math.ceil(totalSteps / stepsPerEpoch);
  const endOf = (epoch: number) => Math.min(totalSteps, (epoch + 1) * stepsPerEpoch);
  const lastEpoch = random.below(epochs);
  return {
    stopAfter: endOf(lastEpoch),
    keepAfter: random.below(100) < 60 ? endOf(random.below(lastEpoch + 1)) : null,
    saves: Array.from({ length: totalSteps + 1 }, () => random.below(100) < 60),
  };
}
