import { normOf } from '@convoy/training/optimizer/optimizer';
import type { Sums, Tally } from '@convoy/numerics/reduction';
import type { RunFact, StepTiming } from '@convoy/protocol/run-events';
import { metricFigure } from '@convoy/protocol/metric';
import type { CoordinatorEvent, EvaluationTask, GradientTask } from '@convoy/training/coordinator/events';
import type { RunFigures } from '@convoy/training/figures';
import { rateAt } from '@convoy/training/learning-rate';
import type { EpochVerdict } from './epoch-callbacks.ts';
import type { Reaction } from './health-watch.ts';
import { LARGEST_NORM } from './results.ts';
import type { Training } from './training.ts';

/** What a step cost the cluster. */
export interface StepCost {
  readonly workers: number;
  /** What its workers say that they computed, together. */
  readonly computeMs: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly timing?: StepTiming;
}

/** Keeps the account of a step that is being committed. */
export interface StepAccount {
  /** A part of the commit is done, which began with the commit or with the end of the part before. */
  lap(part: 'normMs' | 'updateMs'): void;
  /** Asked once, if the step is applied. */
  cost(): StepCost;
}

/** What became of a task: the facts in their order, and what the coordinator has to be told before anything else, in this order. */
export interface Conclusion {
  readonly facts: readonly RunFact[];
  readonly events: readonly CoordinatorEvent[];
  /** What is to be done about a collapse, once there is one. */
  readonly reaction: Reaction | null;
}

/**
 * Applies a step: its gradient, summed over all micro-batches, moves the parameters once, or is refused and moves nothing.
 * @param total sums over the step's samples; the vector is one flat gradient and, behind it, the sums of the statistics.
 */
export function commitStep(
  task: GradientTask,
  total: Sums,
  training: Training,
  nowMs: number,
  account: StepAccount,
): Conclusion {
  const { config, plan, parameters, figures, callbacks, health, plausibility, rollbackFactor } = training;
  const { vector, ...tally } = total;
  if (vector === null) throw new Error(`step ${task.step} was collected without a gradient`);
  const gradientNorm = normOfGradient(vector, tally.samples, training.trainableCount);
  account.lap('normMs');
  if (!(gradientNorm <= LARGEST_NORM)) return refused(task, gradientNorm);

  const { schedule } = config;
  const learningRate = rateAt(task.step, { schedule, plan, callbacks: callbacks.state, rollbackFactor });
  const before = parameters.values;
  parameters.update(vector, tally.samples, learningRate);
  account.lap('updateMs');

  plausibility.noteCommitted(gradientNorm, tally);
  const { stepMs, epochEnd } = figures.committed(task, tally, nowMs);
  const step = task.step + 1;
  const measured = { learningRate, gradientNorm, stepMs };
  const applied = { step, tally, gradientNorm, gradient: vector, before, after: parameters.values, epochEnd };
  const facts: RunFact[] = [stepFact(task, tally, figures, measured, account.cost())];
  if (epochEnd !== null) facts.push({ type: 'epoch-ended', ...epochEnd });
  facts.push(...(training.layers?.committed(applied) ?? []), ...(health?.committed(applied) ?? []));
  return concluded(facts, { type: 'committed', task: task.id }, callbacks.stepDone(step, epochEnd), health);
}

/** Gives a step up that was refused twice: it counts, and changes nothing. */
export function skipStep(task: GradientTask, reason: string, training: Training, nowMs: number): Conclusion {
  const { figures, callbacks, health } = training;
  const { epochEnd } = figures.stepSkipped(nowMs);
  const step = task.step + 1;
  const facts: RunFact[] = [{ type: 'step-skipped', step: task.step, reason }];
  if (epochEnd !== null) facts.push({ type: 'epoch-ended', ...epochEnd });
  facts.push(...(health?.skipped(step, reason, epochEnd) ?? []));
  return concluded(facts, { type: 'skipped', task: task.id }, callbacks.stepDone(step, epochEnd), health);
}

/** Takes an evaluation's sums, and what is shown of it. */
export function takeEvaluation(task: EvaluationTask, total: Sums, training: Training, nowMs: number): Conclusion {
  const { figures, callbacks, health, plausibility } = training;
  const { purpose } = task;
  const evaluation = figures.evaluated(task, total, nowMs);
  plausibility.noteEvaluated(total);
  const { images = [], predictions = [] } = training.predictions?.conclude(task) ?? {};
  const facts: RunFact[] = [...images, { type: 'evaluated', purpose, ...evaluation }, ...predictions];
  facts.push(...(training.layers?.evaluated(purpose, task.step, training.parameters.values) ?? []));
  const answer = { type: 'evaluated', task: task.id } as const;
  // The test decides nothing.
  if (purpose === 'test') return { facts, events: [answer], reaction: null };
  facts.push(...(health?.validated(evaluation) ?? []));
  return concluded(facts, answer, callbacks.validated(evaluation), null);
}

/** The mean gradient's norm; not finite when the statistics behind the gradient are not. */
export function normOfGradient(vector: Float32Array, samples: number, trainableCount: number): number {
  const tail = normOf(vector.subarray(trainableCount));
  return Number.isFinite(tail) ? normOf(vector.subarray(0, trainableCount), samples) : tail;
}

function refused(task: GradientTask, gradientNorm: number): Conclusion {
  const reason = Number.isFinite(gradientNorm)
    ? `the gradient's norm is ${gradientNorm.toExponential(1)}`
    : 'the gradient is not finite';
  return { facts: [], events: [{ type: 'commit-refused', task: task.id, reason }], reaction: null };
}

/**
 * The callbacks' decisions come before the answer, and a halt for a collapse right behind it, before another step begins: so a
 * run ends at the same step whatever its workers do.
 */
function concluded(
  facts: readonly RunFact[],
  answer: Extract<CoordinatorEvent, { type: 'committed' | 'skipped' | 'evaluated' }>,
  { facts: decided, events, ...saving }: EpochVerdict,
  health: Training['health'],
): Conclusion {
  const reaction = health?.reaction ?? null;
  const halt: CoordinatorEvent[] = reaction === null ? [] : [{ type: 'halt-requested', reason: reaction.reason }];
  return { facts: [...facts, ...decided], events: [...events, { ...answer, ...saving }, ...halt], reaction };
}

function stepFact(
  task: GradientTask,
  { samples, lossSum, metricSum }: Tally,
  { metric }: RunFigures,
  measured: { readonly learningRate: number; readonly gradientNorm: number; readonly stepMs: number },
  { workers, computeMs, ...rest }: StepCost,
): RunFact {
  const { stepMs } = measured;
  return {
    type: 'step',
    step: task.step + 1,
    epoch: task.epoch,
    samples,
    loss: lossSum / samples,
    ...metricFigure(metric, metricSum / samples),
    ...measured,
    workers,
    // A worker's clock is its own: what it says can't be more than there was.
    busyShare: stepMs === 0 ? 0 : Math.min(1, computeMs / (stepMs * workers)),
    ...rest,
  };
}
