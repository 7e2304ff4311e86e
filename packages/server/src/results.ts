import { countOf } from '@convoy/protocol/event-words';
import type { Block, EvaluationResult, Result } from '@convoy/protocol/messages';
import type { MetricName } from '@convoy/protocol/metric';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { Task } from '@convoy/training/coordinator/events';
import { leavesOf } from '@convoy/numerics/blocks';
import type { Tally } from '@convoy/numerics/reduction';
import { partOf, planEvaluation, planStep, type Range, type RunPlan } from '@convoy/training/sampling';

/** What results are checked against. */
export interface Expectations {
  readonly config: RunConfig;
  readonly plan: RunPlan;
  readonly metric: MetricName;
  /** The length of a gradient in a message. */
  readonly gradientBytes: number;
}

/** A sample's loss is computed in float32, and the samples' are added up in float64. */
const LARGEST_LOSS = 3.4028235e38;
/** A sample's absolute error is the mean of differences between two float32 each. */
const LARGEST_ERROR = 2 * LARGEST_LOSS;

/** What no honest worker would send for this task; null when there is nothing. */
export function faultOf(result: Result | EvaluationResult, task: Task, expected: Expectations): string | null {
  const { config, plan, metric, gradientBytes } = expected;
  const { block, samples, lossSum, metricSum } = result;
  if ((result.type === 'result') !== (task.kind === 'gradient')) return `${result.type} for a lease of another kind`;
  if (result.type === 'result' && result.gradient.byteLength !== gradientBytes) {
    return `a gradient has ${gradientBytes} bytes, not ${result.gradient.byteLength}`;
  }
  if (result.step !== task.step) return `a result of step ${result.step} for a task of step ${task.step}`;
  if (block.start >= task.leaves) return `block ${block.start} of a task of ${task.leaves}`;
  const { start, end } = samplesIn(task, block, config, plan);
  const samplesOfBlock = end - start;
  if (samples !== samplesOfBlock) return `a result over ${countOf(samples, 'sample')} for a block of ${samplesOfBlock}`;
  // Infinity is a divergence, which the run deals with; a finite sum beyond this nobody can have added up.
  if (Number.isFinite(lossSum) && Math.abs(lossSum) > samples * LARGEST_LOSS) {
    return `a loss of ${lossSum.toExponential(1)} over ${countOf(samples, 'sample')}: float32 has none as large`;
  }
  return faultOfMetric(metricSum, samples, metric);
}

function faultOfMetric(metricSum: number, samples: number, metric: MetricName): string | null {
  const isCount = Number.isInteger(metricSum) && metricSum >= 0 && metricSum <= samples;
  if (metric === 'accuracy') return isCount ? null : `${metricSum} correct of ${countOf(samples, 'sample')}`;
  const isError = !Number.isFinite(metricSum) || Math.abs(metricSum) <= samples * LARGEST_ERROR;
  return isError ? null : `absolute errors of ${metricSum.toExponential(1)} over ${countOf(samples, 'sample')}`;
}

/** The samples that a block of a task covers, as positions or indices: what an honest result must count. */
export function samplesIn(task: Task, block: Block, config: RunConfig, plan: RunPlan): Range {
  const range =
    task.kind === 'gradient'
      ? planStep(task.step, config, plan).positions
      : planEvaluation(task.purpose, config, plan).indices;
  const { start, end } = leavesOf(block, task.leaves);
  return { start: partOf(range, start, task.leaves).start, end: partOf(range, end - 1, task.leaves).end };
}

/** Committed norms that say what is usual. */
const REMEMBERED = 100;
/** A block's mean gradient this many times as long as any remembered step's is not believed unasked. */
const UNBELIEVABLE = 1e4;
/** The same while nothing is remembered. */
const UNBELIEVABLE_AT_FIRST = 1e6;
/** No mean gradient longer than this is applied: its square would leave float32. The same for every cluster, so it decides alike. */
export const LARGEST_NORM = 1e15;

/** A block's mean loss or error may be so many times the largest of any step or evaluation so far: micro-batches differ, and a run may diverge. */
const SURPRISING_IN_STEP = 1e3;
/** An evaluation decides about callbacks and the best checkpoint, and is a mean over many samples. */
const SURPRISING_IN_EVALUATION = 10;
/** A cross-entropy (nats) that is asked about before anything is known: it takes logits of float32 that are so far apart. */
const SURPRISING_CROSS_ENTROPY = 1e4;
/** An accuracy so much above or below the one before it, over so many samples, is asked about. */
const SURPRISING_CHANGE = 0.5;
const SAMPLES_THAT_COUNT = 32;

/**
 * What gradients and figures look like in this run so far: tells which result should be computed by a second worker before it is
 * believed. Surprising is not wrong: what the second one finds as well is taken.
 */
export class Plausibility {
  readonly #metric: MetricName;
  readonly #norms: number[] = [];
  #next = 0;
  /** The largest means so far; 0 before the first. */
  #largest = { loss: 0, metric: 0 };
  /** What the newest evaluation found, or the newest step before there was one. */
  #latest: { readonly accuracy: number; readonly isOfEvaluation: boolean } | null = null;

  constructor(metric: MetricName) {
    this.#metric = metric;
  }

  noteCommitted(norm: number, tally: Tally): void {
    this.#norms[this.#next] = norm;
    this.#next = (this.#next + 1) % REMEMBERED;
    this.#note(tally, false);
  }

  noteEvaluated(tally: Tally): void {
    this.#note(tally, true);
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

  /** What makes a block's sums unbelievable, or null: neither losses nor errors are negative, and one that is not finite is rare. */
  suspicionOfSums({ samples, lossSum, metricSum }: Tally, { kind }: Pick<Task, 'kind'>): string | null {
    for (const [what, sum] of Object.entries({ loss: lossSum, metric: metricSum })) {
      if (!Number.isFinite(sum)) return `its ${what} is not finite`;
      if (sum < 0) return `its ${what} is negative`;
    }
    const times = kind === 'gradient' ? SURPRISING_IN_STEP : SURPRISING_IN_EVALUATION;
    const isCounted = this.#metric === 'accuracy';
    const atFirst = isCounted ? SURPRISING_CROSS_ENTROPY : Infinity;
    const loss = tooLarge('loss', lossSum / samples, times * this.#largest.loss || atFirst);
    if (loss !== null || kind === 'gradient') return loss;
    if (!isCounted) return tooLarge('error', metricSum / samples, times * this.#largest.metric || Infinity);
    if (this.#latest === null || samples < SAMPLES_THAT_COUNT) return null;
    const { accuracy } = this.#latest;
    const found = metricSum / samples;
    return Math.abs(found - accuracy) <= SURPRISING_CHANGE
      ? null
      : `its accuracy is ${found.toFixed(2)}, where it was ${accuracy.toFixed(2)} before`;
  }

  #note({ samples, lossSum, metricSum }: Tally, isOfEvaluation: boolean): void {
    const means = { loss: lossSum / samples, metric: metricSum / samples };
    if (Number.isFinite(means.loss)) this.#largest.loss = Math.max(this.#largest.loss, means.loss);
    if (Number.isFinite(means.metric)) this.#largest.metric = Math.max(this.#largest.metric, means.metric);
    if (isOfEvaluation || !this.#latest?.isOfEvaluation) this.#latest = { accuracy: means.metric, isOfEvaluation };
  }
}

function tooLarge(what: string, mean: number, limit: number): string | null {
  return mean <= limit
    ? null
    : `its ${what} is ${mean.toExponential(1)} a sample, where ${limit.toExponential(1)} is much`;
}
