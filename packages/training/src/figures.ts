import * as v from 'valibot';
import { KERAS_NAMES, metricFigure, readMetric, type MetricFigure, type MetricName } from '@convoy/protocol/metric';
import { anyNumber, wholeNumber } from '@convoy/protocol/numbers';
import type { RunOutcome, RunSummary } from '@convoy/protocol/run-events';
import type { EpochFigures } from './callbacks/monitor.ts';
import type { EvaluationTask, GradientTask } from './coordinator/events.ts';
import type { Tally } from '@convoy/numerics/reduction';
import type { RunPlan } from './sampling.ts';

const evaluated = { step: wholeNumber, epoch: wholeNumber, samples: wholeNumber, loss: anyNumber, seconds: v.number() };
const EvaluationSchema = v.union([
  v.strictObject({ ...evaluated, accuracy: v.number() }),
  v.strictObject({ ...evaluated, meanAbsoluteError: anyNumber }),
]);

const EpochTotalsSchema = v.union([
  v.strictObject({ samples: wholeNumber, lossSum: anyNumber, metricSum: anyNumber, sinceMs: v.number() }),
  // As checkpoints had them when there were classifications only.
  v.pipe(
    v.strictObject({ samples: wholeNumber, lossSum: anyNumber, correct: wholeNumber, sinceMs: v.number() }),
    v.transform(({ correct, ...totals }) => ({ ...totals, metricSum: correct })),
  ),
]);

/** The figures of a run as they were at one moment: what a checkpoint keeps, so that a resumed run counts on. */
export const FiguresSnapshotSchema = v.strictObject({
  /** Commits and skips. */
  steps: wholeNumber,
  skippedSteps: wholeNumber,
  samplesApplied: wholeNumber,
  mostWorkers: wholeNumber,
  trainingMs: v.number(),
  /** From the first worker's joining, pauses and the time in which no server ran left out. */
  activeMs: v.number(),
  /** The steps of the epoch so far; null at an epoch's beginning. `sinceMs` is on the scale of `activeMs`. */
  epoch: v.nullable(EpochTotalsSchema),
  validation: v.nullable(EvaluationSchema),
  bestValidation: v.nullable(EvaluationSchema),
  test: v.nullable(EvaluationSchema),
});

export type FiguresSnapshot = v.InferOutput<typeof FiguresSnapshotSchema>;
type EpochTotals = NonNullable<FiguresSnapshot['epoch']>;

interface Means {
  readonly epoch: number;
  readonly step: number;
  readonly loss: number;
  readonly seconds: number;
}

/** An epoch's means over the samples that entered an update. */
export type EpochEnd = Means & MetricFigure;
/** Means over the samples of a split. */
export type Evaluation = Means & { readonly samples: number } & MetricFigure;

/** A validation's metric as summaries and checkpoints have it: an error is there in a regression only. */
export type ValidationMetric = Pick<RunSummary, 'validationAccuracy' | 'validationMeanAbsoluteError'>;

/** What a run has done so far, in numbers: the source of its events' figures and of its summary. */
export class RunFigures {
  readonly #run: string;
  readonly #plan: RunPlan;
  /** What the run's model is measured by, beside its loss. */
  readonly metric: MetricName;
  /** Active time before this process began. */
  readonly #earlierMs: number;
  #steps = 0;
  #skippedSteps = 0;
  #samplesApplied = 0;
  #mostWorkers = 0;
  #trainingMs = 0;
  #firstJoinMs: number | null = null;
  /** Pauses that are over, and when the present one began. */
  #pausedMs = 0;
  #pausedAtMs: number | null = null;
  #openedMs = 0;
  #epoch: EpochTotals | null = null;
  #validation: Evaluation | null = null;
  #bestValidation: Evaluation | null = null;
  #test: Evaluation | null = null;

  /** @param from the snapshot of the checkpoint that the run is resumed from. */
  constructor(run: string, plan: RunPlan, from: FiguresSnapshot | null = null, metric: MetricName = 'accuracy') {
    this.#run = run;
    this.#plan = plan;
    this.metric = metric;
    this.#earlierMs = from?.activeMs ?? 0;
    if (from === null) return;
    this.#steps = from.steps;
    this.#skippedSteps = from.skippedSteps;
    this.#samplesApplied = from.samplesApplied;
    this.#mostWorkers = from.mostWorkers;
    this.#trainingMs = from.trainingMs;
    this.#epoch = from.epoch;
    this.#validation = from.validation;
    this.#bestValidation = from.bestValidation;
    this.#test = from.test;
  }

  /** The validation with the highest accuracy or the lowest error, of equals the first. */
  get bestValidation(): Evaluation | null {
    return this.#bestValidation;
  }

  /** What the validation found of the parameters as they are now; null when they have not been evaluated, or it is not finite. */
  get validationNow(): ValidationMetric {
    const validation = this.#validation?.step === this.#steps ? this.#validation : null;
    const value = validation === null ? null : readMetric(validation).value;
    return validationMetric(this.metric, Number.isFinite(value) ? value : null);
  }

  workerJoined(nowMs: number, workers: number): void {
    this.#firstJoinMs ??= nowMs;
    this.#mostWorkers = Math.max(this.#mostWorkers, workers);
  }

  taskOpened(nowMs: number): void {
    this.#openedMs = nowMs;
  }

  /** An operator's pause begins, between two steps: until {@link unpaused} no time passes. */
  paused(nowMs: number): void {
    this.#pausedAtMs ??= nowMs;
  }

  /** The run does not stand still on purpose any more. @returns whether it did. */
  unpaused(nowMs: number): boolean {
    if (this.#pausedAtMs === null) return false;
    this.#pausedMs += this.#pauseMs(nowMs);
    this.#pausedAtMs = null;
    // The open task had not been begun.
    this.#openedMs = nowMs;
    return true;
  }

  committed(task: GradientTask, tally: Tally, nowMs: number) {
    const stepMs = this.#taskMs(nowMs);
    this.#steps = task.step + 1;
    this.#samplesApplied += tally.samples;
    this.#trainingMs += stepMs;
    const before = this.#epoch ?? { samples: 0, lossSum: 0, metricSum: 0, sinceMs: this.#activeMs(nowMs) - stepMs };
    this.#epoch = {
      samples: before.samples + tally.samples,
      lossSum: before.lossSum + tally.lossSum,
      metricSum: before.metricSum + tally.metricSum,
      sinceMs: before.sinceMs,
    };
    return { stepMs, epochEnd: this.#endEpoch(nowMs) };
  }

  /** The step was given up. It moves the run on all the same, so it may be the one that ends an epoch. */
  stepSkipped(nowMs: number) {
    const stepMs = this.#taskMs(nowMs);
    this.#steps++;
    this.#skippedSteps++;
    this.#trainingMs += stepMs;
    return { stepMs, epochEnd: this.#endEpoch(nowMs) };
  }

  evaluated(task: EvaluationTask, { samples, lossSum, metricSum }: Tally, nowMs: number): Evaluation {
    const evaluation: Evaluation = {
      step: task.step,
      epoch: task.epoch,
      samples,
      loss: lossSum / samples,
      ...metricFigure(this.metric, metricSum / samples),
      seconds: this.#taskMs(nowMs) / 1000,
    };
    if (task.purpose === 'test') this.#test = evaluation;
    else {
      this.#validation = evaluation;
      if (isBetter(evaluation, this.#bestValidation)) this.#bestValidation = evaluation;
    }
    return evaluation;
  }

  /** The parameters are those of an earlier epoch again: so is what their validation found. */
  restored({ epoch, ...figures }: EpochFigures): void {
    const loss = figures.val_loss;
    const value = figures[`val_${KERAS_NAMES[this.metric]}`];
    if (this.#validation === null || loss === null || value === null) return;
    const { step, samples, seconds } = this.#validation;
    this.#validation = { step, epoch, samples, loss, ...metricFigure(this.metric, value), seconds };
  }

  summary(outcome: RunOutcome, parametersSha256: string, nowMs: number): Omit<RunSummary, 'health' | 'rollbacks'> {
    return {
      run: this.#run,
      outcome,
      steps: this.#steps,
      skippedSteps: this.#skippedSteps,
      epochs: Math.floor(this.#steps / this.#plan.stepsPerEpoch),
      workers: this.#mostWorkers,
      testAccuracy: this.#test?.accuracy ?? null,
      testLoss: this.#test?.loss ?? null,
      ...validationMetric(this.metric, this.#validation && readMetric(this.#validation).value),
      ...(this.metric === 'accuracy' ? {} : { testMeanAbsoluteError: this.#test?.meanAbsoluteError ?? null }),
      parametersSha256,
      samplesApplied: this.#samplesApplied,
      samplesPerSecond: this.#trainingMs === 0 ? 0 : (1000 * this.#samplesApplied) / this.#trainingMs,
      seconds: this.#activeMs(nowMs) / 1000,
    };
  }

  /** Everything that {@link RunFigures} made from it counts on with. Plain JSON but for numbers that are not finite. */
  snapshot(nowMs: number): FiguresSnapshot {
    return {
      steps: this.#steps,
      skippedSteps: this.#skippedSteps,
      samplesApplied: this.#samplesApplied,
      mostWorkers: this.#mostWorkers,
      trainingMs: this.#trainingMs,
      activeMs: this.#activeMs(nowMs),
      epoch: this.#epoch,
      validation: this.#validation,
      bestValidation: this.#bestValidation,
      test: this.#test,
    };
  }

  /** The totals of the epoch that the last step ended, if it did. An epoch of nothing but skipped steps has no means. */
  #endEpoch(nowMs: number): EpochEnd | null {
    if (this.#steps % this.#plan.stepsPerEpoch !== 0) return null;
    const totals = this.#epoch;
    this.#epoch = null;
    if (totals === null) return null;
    return {
      epoch: this.#steps / this.#plan.stepsPerEpoch - 1,
      step: this.#steps,
      loss: totals.lossSum / totals.samples,
      ...metricFigure(this.metric, totals.metricSum / totals.samples),
      seconds: (this.#activeMs(nowMs) - totals.sinceMs) / 1000,
    };
  }

  #activeMs(nowMs: number): number {
    const sinceJoinMs = this.#firstJoinMs === null ? 0 : nowMs - this.#firstJoinMs;
    return this.#earlierMs + sinceJoinMs - this.#pausedMs - this.#pauseMs(nowMs);
  }

  /** So much of the present pause has passed as would have counted. */
  #pauseMs(nowMs: number): number {
    return this.#pausedAtMs === null ? 0 : nowMs - Math.max(this.#pausedAtMs, this.#firstJoinMs ?? nowMs);
  }

  /** Time the present task took, not counting a wait for the first worker. */
  #taskMs(nowMs: number): number {
    return nowMs - Math.max(this.#openedMs, this.#firstJoinMs ?? nowMs);
  }
}

function validationMetric(metric: MetricName, value: number | null): ValidationMetric {
  return metric === 'accuracy'
    ? { validationAccuracy: value }
    : { validationAccuracy: null, validationMeanAbsoluteError: value };
}

/** More of an accuracy is better, and less of an error; what is not a number is never better. */
function isBetter(evaluation: Evaluation, best: Evaluation | null): boolean {
  const { name, value } = readMetric(evaluation);
  if (Number.isNaN(value) || best === null) return !Number.isNaN(value);
  const reference = readMetric(best).value;
  return name === 'accuracy' ? value > reference : value < reference;
}
