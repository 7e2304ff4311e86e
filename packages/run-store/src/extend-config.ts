import { countOf } from '@convoy/protocol/event-words';
import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunPlan } from '@convoy/training/sampling';

/** How long a run is to become. */
export interface Extension {
  /** In place of the run's number of steps, if it has one. */
  readonly epochs?: number | undefined;
  readonly maxSteps?: number | undefined;
}

/**
 * The configuration of a run that goes on for longer than it was meant to. Whatever it has done stays as it is, so its result is
 * that of a run that was as long from its start.
 * @throws OperatorError when it would become shorter, or when what it has done depended on its length.
 */
export function extendConfig(config: RunConfig, { epochs, maxSteps }: Extension): RunConfig {
  const extended: RunConfig = {
    ...config,
    // As many epochs as the steps take: without a number there is no other end.
    epochs: epochs ?? (maxSteps === undefined ? config.epochs : null),
    maxSteps: maxSteps ?? (epochs === undefined ? config.maxSteps : null),
  };
  if (extended.epochs === config.epochs && extended.maxSteps === config.maxSteps) return config;
  const obstacle = obstacleToLength(config);
  if (obstacle !== null) throw cannotExtend(obstacle);
  return extended;
}

/**
 * Whether a run has done only what a longer one would have done, which is known when its checkpoint is.
 * @param before the plan of the run as it was, `after` as it is to be.
 * @throws OperatorError when it has not, or would become shorter.
 */
export function assertExtends(
  { callbacks }: RunConfig,
  before: Pick<RunPlan, 'totalSteps' | 'stepsPerEpoch'>,
  after: Pick<RunPlan, 'totalSteps'>,
  stopReason: string | null,
): void {
  if (after.totalSteps < before.totalSteps) {
    throw cannotExtend(`it has ${countOf(before.totalSteps, 'step')} already, and that would be ${after.totalSteps}`);
  }
  if (stopReason !== null) throw cannotExtend(`it stopped early (${stopReason})`);
  const isDecided = callbacks.earlyStopping !== null || callbacks.reduceLROnPlateau !== null;
  if (isDecided && before.totalSteps % before.stepsPerEpoch !== 0) {
    throw cannotExtend('it ends within an epoch, where its callbacks decide as at the end of one');
  }
}

function cannotExtend(obstacle: string): OperatorError {
  return new OperatorError(`this run can't be made longer: ${obstacle}. Begin a new run of the length that you want`);
}

/** Why what a run has done would have been different in a longer one; null when it would not. */
function obstacleToLength({ schedule, callbacks }: RunConfig): string | null {
  if (schedule.name === 'cosine' && schedule.decaySteps === null) {
    return "its cosine schedule is as long as the run, so every step's learning rate would have been another";
  }
  if (callbacks.earlyStopping?.restoreBestWeights) {
    return 'it ends with the best parameters that it had, and not with the last ones';
  }
  return null;
}

/** Where a run's configuration differs from what it was, but for a length that it may have been given since; null when nowhere. */
export function configDifference(there: unknown, here: RunConfig): string | null {
  // Both through JSON: what is left out and what is undefined are one there.
  const [before, now] = [there, here].map((config) => JSON.parse(JSON.stringify(config)) as Partial<RunConfig>);
  if (obstacleToLength(here) === null) {
    for (const config of [before!, now!]) {
      delete config.epochs;
      delete config.maxSteps;
    }
  }
  return firstDifference(before, now, 'config');
}

/** Where two plain JSON values differ first, e.g. `config.seed is 7 there and 8 here`; null when they are equal. */
function firstDifference(there: unknown, here: unknown, path: string): string | null {
  if (there === here) return null;
  if (typeof there !== 'object' || typeof here !== 'object' || there === null || here === null) {
    return `${path} is ${JSON.stringify(there)} there and ${JSON.stringify(here)} here`;
  }
  for (const key of new Set([...Object.keys(there), ...Object.keys(here)])) {
    const [a, b] = [there, here].map((side) => (side as Record<string, unknown>)[key]);
    const difference = firstDifference(a, b, `${path}.${key}`);
    if (difference !== null) return difference;
  }
  return null;
}
