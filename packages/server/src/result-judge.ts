import type { EvaluationDetails } from '@convoy/protocol/evaluation-details';
import type { EvaluationResult, Result } from '@convoy/protocol/messages';
import type { GradientArithmetic } from '@convoy/numerics/gradient-arithmetic';
import type { Sums } from '@convoy/numerics/reduction';
import type { EvaluationTask, Task } from '@convoy/training/coordinator/events';
import { normOfGradient } from './commit-step.ts';
import { faultOf, samplesIn } from './results.ts';
import type { SumBuffers } from './task-sums.ts';
import type { ServedTraining } from './training.ts';

/** Who sent a result, and when it came in. */
export interface Arrived {
  readonly rank: number;
  readonly atMs: number;
}

/** A block's sums, how long its worker says they took, and what it says beside an evaluation's. */
export type Delivery = Sums & Arrived & { readonly computeMs: number; readonly details?: EvaluationDetails };

/** What a result of the present task is: no honest worker's, or sums that are believed or asked about. */
export type Verdict =
  { readonly fault: string } | { readonly fault: null; readonly delivery: Delivery; readonly suspicion: string | null };

export interface ResultJudgeOptions {
  readonly training: ServedTraining;
  readonly gradients: GradientArithmetic;
  readonly buffers: SumBuffers;
}

/** Reads results: their sizes and counts first, then what their values look like. */
export class ResultJudge {
  readonly #options: ResultJudgeOptions;

  constructor(options: ResultJudgeOptions) {
    this.#options = options;
  }

  /** @param task the present one, of which the result is. A delivery's vector is the caller's. */
  judge(result: Result | EvaluationResult, task: Task, arrived: Arrived): Verdict {
    const { training, gradients, buffers } = this.#options;
    const { config, plan, figures, plausibility, trainableCount } = training;
    const expected = { config, plan, metric: figures.metric, gradientBytes: gradients.messageBytes };
    const fault = faultOf(result, task, expected);
    if (fault !== null) return { fault };
    const { samples, lossSum, metricSum, computeMs } = result;
    const tally = { samples, lossSum, metricSum, computeMs, ...arrived };
    const suspicion = plausibility.suspicionOfSums(tally, task);
    if (result.type !== 'result') {
      const unlikely = this.#faultOfDetails(result, task);
      if (unlikely !== null) return { fault: unlikely };
      const { details } = result;
      const told = details === undefined ? {} : { details };
      return { fault, delivery: { ...tally, vector: null, ...told }, suspicion };
    }
    const vector = buffers.take();
    gradients.unpack(result.gradient, vector);
    const norm = normOfGradient(vector, samples, trainableCount);
    return { fault, delivery: { ...tally, vector }, suspicion: suspicion ?? plausibility.suspicionOf(norm) };
  }

  #faultOfDetails({ details, block, metricSum }: EvaluationResult, task: Task): string | null {
    const { config, plan, predictions } = this.#options.training;
    if (predictions === null) return details === undefined ? null : 'details that nobody asked for';
    const part = samplesIn(task, block, config, plan);
    return predictions.faultOf(details, task as EvaluationTask, part, metricSum);
  }
}
