import type { ScheduleConfig } from '@convoy/protocol/run-config';
import { cosineOfHalfTurns, integerPower, power } from '@convoy/numerics/elementary';
import type { CallbacksState } from './callbacks/callbacks.ts';
import type { RunPlan } from './sampling.ts';

/** All that decides about a run's learning rate. */
export interface RateSources {
  readonly schedule: ScheduleConfig;
  readonly plan: Pick<RunPlan, 'stepsPerEpoch' | 'totalSteps'>;
  /** ReduceLROnPlateau's state: the rate that the schedule starts from, the configured one until it has reduced it. */
  readonly callbacks: Pick<CallbacksState, 'reduceLROnPlateau'>;
  /** What earlier rollbacks left of the rate; 1 without any. */
  readonly rollbackFactor?: number | undefined;
}

/** The rate that step `step` of the run, counted from 0, is applied with: nothing else changes it. */
export function rateAt(step: number, { schedule, plan, callbacks, rollbackFactor = 1 }: RateSources): number {
  return rollbackFactor * scheduledRate(step, callbacks.reduceLROnPlateau.learningRate, schedule, plan);
}

/**
 * The rate that a schedule has for step `step`, counted from 0 over the whole run: a pure function, so a resumed run needs no state
 * for it, and a step that was skipped stretches nothing. The names and formulas are those of Keras's schedules; each of them may have a
 * linear warm-up in front, as Keras's CosineDecay has.
 *
 * With `per: 'epoch'` epochs are counted instead of steps: what Keras's callback LearningRateScheduler does with the same
 * function.
 * @param base the rate that the warm-up arrives at and the schedule starts from.
 */
export function scheduledRate(
  step: number,
  base: number,
  schedule: ScheduleConfig,
  { stepsPerEpoch, totalSteps }: Pick<RunPlan, 'stepsPerEpoch' | 'totalSteps'>,
): number {
  const stepsPerCount = schedule.per === 'epoch' ? stepsPerEpoch : 1;
  const count = Math.floor(step / stepsPerCount);
  const { warmup } = schedule;
  if (schedule.name === 'table') return schedule.rates[Math.min(count, schedule.rates.length - 1)]!;
  if (count < warmup) return base * (count / warmup);
  const left = Math.max(1, Math.ceil(totalSteps / stepsPerCount) - warmup);
  return base * factorAt(count - warmup, schedule, left);
}

/**
 * The schedule that Keras's callback LearningRateScheduler makes of a function: before each epoch, counted from 0, it is given the
 * rate so far. A run's configuration is data, so the function is asked for all epochs now.
 * @param base the rate before the first epoch.
 */
export function tableOf(rateAt: (epoch: number, rate: number) => number, base: number, epochs: number): ScheduleConfig {
  const rates: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) rates.push(rateAt(epoch, rates.at(-1) ?? base));
  return { name: 'table', per: 'epoch', warmup: 0, rates };
}

type FactorSchedule = Exclude<ScheduleConfig, { name: 'table' }>;

/** What the rate is multiplied by after `count` steps or epochs of the schedule. */
function factorAt(count: number, schedule: FactorSchedule, left: number): number {
  switch (schedule.name) {
    case 'constant':
      return 1;
    case 'step':
      // Like Keras's PiecewiseConstantDecay: at a boundary itself the rate is still the one before.
      return integerPower(schedule.decayRate, schedule.boundaries.filter((boundary) => count > boundary).length);
    case 'exponential': {
      const periods = count / schedule.decaySteps;
      return power(schedule.decayRate, schedule.staircase ? Math.floor(periods) : periods);
    }
    case 'cosine': {
      // Loshchilov and Hutter, "SGDR" (2017), equation 5, without restarts.
      const completed = Math.min(1, count / (schedule.decaySteps ?? left));
      return (1 - schedule.alpha) * (0.5 * (1 + cosineOfHalfTurns(completed))) + schedule.alpha;
    }
    default:
      return schedule satisfies never;
  }
}
