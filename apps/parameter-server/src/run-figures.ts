import type { RunSummary } from '@convoy/protocol/run-events';
import type { EvaluationTask, GradientTask } from '@convoy/training/coordinator/events';
import type { Tally } from '@convoy/training/reduction';
import type { Extent } from '@convoy/training/sampling';

interface Evaluation {
  readonly step: number;
  readonly epoch: number;
  readonly samples: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly seconds: number;
}

interface EpochTotals extends Tally {
  readonly sinceMs: number;
}

/** What a run has done so far, in numbers: the source of its events' figures and of its summary. */
export class RunFigures {
  readonly #run: string;
  readonly #extent: Extent;
  #steps = 0;
  #samplesApplied = 0;
  #mostWorkers = 0;
  #trainingMs = 0;
  #firstJoinMs: number | null = null;
  #openedMs = 0;
  #epoch: EpochTotals | null = null;
  #validation: Evaluation | null = null;
  #test: Evaluation | null = null;

  constructor(run: string, extent: Extent) {
    this.#run = run;
    this.#extent = extent;
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
    const before = this.#epoch ?? { samples: 0, lossSum: 0, correct: 0, sinceMs: nowMs - stepMs };
    const epoch: EpochTotals = {
      samples: before.samples + tally.samples,
      lossSum: before.lossSum + tally.lossSum,
      correct: before.correct + tally.correct,
      sinceMs: before.sinceMs,
    };
    const isEpochEnd = this.#steps % this.#extent.stepsPerEpoch === 0;
    this.#epoch = isEpochEnd ? null : epoch;
    const epochEnd = isEpochEnd
      ? {
          epoch: task.epoch,
          step: this.#steps,
          loss: epoch.lossSum / epoch.samples,
          accuracy: epoch.correct / epoch.samples,
          seconds: (nowMs - epoch.sinceMs) / 1000,
        }
      : null;
    return { stepMs, epochEnd };
  }

  stepSkipped(nowMs: number): void {
    this.#steps++;
    this.#trainingMs += this.#taskMs(nowMs);
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
    else this.#validation = evaluation;
    return evaluation;
  }

  summary(parametersSha256: string, nowMs: number): RunSummary {
    return {
      run: this.#run,
      steps: this.#steps,
      epochs: Math.floor(this.#steps / this.#extent.stepsPerEpoch),
      workers: this.#mostWorkers,
      testAccuracy: this.#test?.accuracy ?? null,
      testLoss: this.#test?.loss ?? null,
      validationAccuracy: this.#validation?.accuracy ?? null,
      parametersSha256,
      samplesApplied: this.#samplesApplied,
      imagesPerSecond: this.#trainingMs === 0 ? 0 : (1000 * this.#samplesApplied) / this.#trainingMs,
      seconds: this.#firstJoinMs === null ? 0 : (nowMs - this.#firstJoinMs) / 1000,
    };
  }

  /** Time the present task took, not counting a wait for the first worker. */
  #taskMs(nowMs: number): number {
    return nowMs - Math.max(this.#openedMs, this.#firstJoinMs ?? nowMs);
  }
}
