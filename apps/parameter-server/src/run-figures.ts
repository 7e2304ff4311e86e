import * as v from 'valibot';
import type { RunOutcome, RunSummary } from '@convoy/protocol/run-events';
import type { EpochFigures } from '@convoy/training/callbacks/monitor';
import type { EvaluationTask, GradientTask } from '@convoy/training/coordinator/events';
import type { Tally } from '@convoy/training/reduction';
import type { Extent } from '@convoy/training/sampling';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
/** JSON has no word for what is not finite, and a loss that overflowed is a fact of the run: such numbers are strings there. */
const real = v.union([
  v.number(),
  v.nan(),
  v.pipe(
    v.picklist(['NaN', 'Infinity', '-Infinity']),
    v.transform((name) => Number(name)),
  ),
]);

const EvaluationSchema = v.strictObject({
  step: count,
  epoch: count,
  samples: count,
  loss: real,
  accuracy: v.number(),
  seconds: v.number(),
});

/** The figures of a run as they were at one moment: what a checkpoint keeps, so that a resumed run counts on. */
export const FiguresSnapshotSchema = v.strictObject({
  /** Commits and skips. */
  steps: count,
  skippedSteps: count,
  samplesApplied: count,
  mostWorkers: count,
  trainingMs: v.number(),
  /** From the first worker's joining, the time in which no server ran left out. */
  activeMs: v.number(),
  /** The steps of the epoch so far; null at an epoch's beginning. `sinceMs` is on the scale of `activeMs`. */
  epoch: v.nullable(v.strictObject({ samples: count, lossSum: real, correct: count, sinceMs: v.number() })),
  validation: v.nullable(EvaluationSchema),
  bestValidation: v.nullable(EvaluationSchema),
  test: v.nullable(EvaluationSchema),
});

export type FiguresSnapshot = v.InferOutput<typeof FiguresSnapshotSchema>;
export type Evaluation = Readonly<v.InferOutput<typeof EvaluationSchema>>;
type EpochTotals = NonNullable<FiguresSnapshot['epoch']>;

/** An epoch's means over the samples that entered an update. */
export interface EpochEnd {
  readonly epoch: number;
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly seconds: number;
}

/** What a run has done so far, in numbers: the source of its events' figures and of its summary. */
export class RunFigures {
  readonly #run: string;
  readonly #extent: Extent;
  /** Active time before this process began. */
  readonly #earlierMs: number;
  #steps = 0;
  #skippedSteps = 0;
  #samplesApplied = 0;
  #mostWorkers = 0;
  #trainingMs = 0;
  #firstJoinMs: number | null = null;
  #openedMs = 0;
  #epoch: EpochTotals | null = null;
  #validation: Evaluation | null = null;
  #bestValidation: Evaluation | null = null;
  #test: Evaluation | null = null;

  /** @param from the snapshot of the checkpoint that the run is resumed from. */
  constructor(run: string, extent: Extent, from: FiguresSnapshot | null = null) {
    this.#run = run;
    this.#extent = extent;
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

  /** The validation with the highest accuracy, of equals the first. */
  get bestValidation(): Evaluation | null {
    return this.#bestValidation;
  }

  /** The validation accuracy of the parameters as they are now; null when they have not been evaluated. */
  get validationAccuracyNow(): number | null {
    return this.#validation?.step === this.#steps ? this.#validation.accuracy : null;
  }

  workerJoined(nowMs: number, workers: number): void {
    this.#firstJoinMs ??= nowMs;
    this.#mostWorkers = Math.max(this.#mostWorkers, workers);
  }

  taskOpened(nowMs: number): void {
    this.#openedMs = nowMs;
  }

  committed(task: GradientTask, tally: Tally, nowMs: number) {
    const stepMs = this.#taskMs(nowMs);
    this.#steps = task.step + 1;
    this.#samplesApplied += tally.samples;
    this.#trainingMs += stepMs;
    const before = this.#epoch ?? { samples: 0, lossSum: 0, correct: 0, sinceMs: this.#activeMs(nowMs) - stepMs };
    this.#epoch = {
      samples: before.samples + tally.samples,
      lossSum: before.lossSum + tally.lossSum,
      correct: before.correct + tally.correct,
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

  evaluated(task: EvaluationTask, { samples, lossSum, correct }: Tally, nowMs: number): Evaluation {
    const evaluation: Evaluation = {
      step: task.step,
      epoch: task.epoch,
      samples,
      loss: lossSum / samples,
      accuracy: correct / samples,
      seconds: this.#taskMs(nowMs) / 1000,
    };
    if (task.purpose === 'test') this.#test = evaluation;
    else {
      this.#validation = evaluation;
      if (evaluation.accuracy > (this.#bestValidation?.accuracy ?? -1)) this.#bestValidation = evaluation;
    }
    return evaluation;
  }

  /** The parameters are those of an earlier epoch again: so is what their validation found. */
  restored({ epoch, val_loss: loss, val_accuracy: accuracy }: EpochFigures): void {
    if (this.#validation === null || loss === null || accuracy === null) return;
    this.#validation = { ...this.#validation, epoch, loss, accuracy };
  }

  summary(outcome: RunOutcome, parametersSha256: string, nowMs: number): Omit<RunSummary, 'health' | 'rollbacks'> {
    return {
      run: this.#run,
      outcome,
      steps: this.#steps,
      skippedSteps: this.#skippedSteps,
      epochs: Math.floor(this.#steps / this.#extent.stepsPerEpoch),
      workers: this.#mostWorkers,
      testAccuracy: this.#test?.accuracy ?? null,
      testLoss: this.#test?.loss ?? null,
      validationAccuracy: this.#validation?.accuracy ?? null,
      parametersSha256,
      samplesApplied: this.#samplesApplied,
      imagesPerSecond: this.#trainingMs === 0 ? 0 : (1000 * this.#samplesApplied) / this.#trainingMs,
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
    if (this.#steps % this.#extent.stepsPerEpoch !== 0) return null;
    const totals = this.#epoch;
    this.#epoch = null;
    if (totals === null) return null;
    return {
      epoch: this.#steps / this.#extent.stepsPerEpoch - 1,
      step: this.#steps,
      loss: totals.lossSum / totals.samples,
      accuracy: totals.correct / totals.samples,
      seconds: (this.#activeMs(nowMs) - totals.sinceMs) / 1000,
    };
  }

  #activeMs(nowMs: number): number {
    return this.#earlierMs + (this.#firstJoinMs === null ? 0 : nowMs - this.#firstJoinMs);
  }

  /** Time the present task took, not counting a wait for the first worker. */
  #taskMs(nowMs: number): number {
    return nowMs - Math.max(this.#openedMs, this.#firstJoinMs ?? nowMs);
  }
}
