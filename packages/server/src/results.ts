import type { EvaluationResult, Result } from '@convoy/protocol/messages';
import type { MetricName } from '@convoy/protocol/metric';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { Task } from '@convoy/training/coordinator/events';
import type { Tally } from '@convoy/numerics/reduction';
import type { RunPlan } from '@convoy/training/sampling';
import { samplesIn } from './tasks.ts';

/** What results are checked against. */
export interface Expectations {
  readonly config: RunConfig;
  readonly plan: RunPlan;
  readonly metric: MetricName;
  /** Of a gradient in a message. */
  readonly gradientBytes: number;
}

/** What no honest worker would send for this task; null when there is nothing. */
export function faultOf(result: Result | EvaluationResult, task: Task, expected: Expectations): string | null {
  const { config, plan, metric, gradientBytes } = expected;
  const { block, samples, metricSum } = result;
  if ((result.type === 'result') !== (task.kind === 'gradient')) return `${result.type} for a lease of another kind`;
  if (result.type === 'result' && result.gradient.byteLength !== gradientBytes) {
    return `a gradient has ${gradientBytes} bytes, not ${result.gradient.byteLength}`;
  }
  if (result.step !== task.step) return `a result of step ${result.step} for a task of step ${task.step}`;
  if (block.start >= task.leaves) return `block ${block.start} of a task of ${task.leaves}`;
  const samplesOfBlock = samplesIn(task, block, config, plan);
  if (samples !== samplesOfBlock) return `a result over ${samples} samples for a block of ${samplesOfBlock}`;
  const isCount = Number.isInteger(metricSum) && metricSum >= 0 && metricSum <= samples;
  return metric !== 'accuracy' || isCount ? null : `${metricSum} correct of ${samples} samples`;
}

/** What makes sums unbelievable, or null: neither losses nor errors are negative, and one that is not finite is rare. */
export function suspicionOfSums({ lossSum, metricSum }: Tally): string | null {
  for (const [what, sum] of Object.entries({ loss: lossSum, metric: metricSum })) {
    if (!Number.isFinite(sum)) return `its ${what} is not finite`;
    if (sum < 0) return `its ${what} is negative`;
  }
  return null;
}

/** Committed norms that say what is usual. */
const REMEMBERED = 100;
/** A block's mean gradient this many times as long as any remembered step's is not believed unasked. */
const UNBELIEVABLE = 1e4;
/** The same while nothing is remembered. */
const UNBELIEVABLE_AT_FIRST = 1e6;
/** No mean gradient longer than this is applied: its square would leave float32. The same for every cluster, so it decides alike. */
export const LARGEST_NORM = 1e15;

/** What gradients look like in this run so far: tells which result should be computed by a second worker before it is believed. */
export class Plausibility {
  readonly #norms: number[] = [];
  #next = 0;

  noteCommitted(norm: number): void {
    this.#norms[this.#next] = norm;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** @param norm of a block's mean gradient. @returns what makes it unbelievable, or null. */
  suspicionOf(norm: number): string | null {
    if (!Number.isFinite(norm)) return 'its gradient is not finite';
    const usual = this.#norms.length === 0 ? null : Math.max(...this.#norms);
    const limit = usual === null || usual === 0 ? UNBELIEVABLE_AT_FIRST : UNBELIEVABLE * usual;
    return norm <= limit
      ? null
      : `its gradient's norm is ${norm.toExponential(1)}, where ${limit.toExponential(1)} is much`;
  }
}
