import { OperatorError } from '@convoy/protocol/errors';
import type { MetricFigure } from '@convoy/protocol/metric';
import { rootOf } from '@convoy/numerics/blocks';
import { classAccuracies, ConfusionMatrix, type Confusion } from '@convoy/training/evaluation/confusion';
import { planRun, planEvaluation } from '@convoy/training/sampling';
import type { ComputeOptions } from '@convoy/worker/compute/compute';
import { InlineCompute } from '@convoy/worker/compute/inline';
import type { RunParameters } from './run-parameters.ts';
import { usableEngine } from './local-engine.ts';

export type EvaluatedSplit = 'test' | 'validation';

/** What a run's parameters are worth on samples they were not trained on. */
export type RunEvaluation = MetricFigure & {
  /** The checkpoint's name; null for what the run ended with. */
  readonly checkpoint: string | null;
  readonly split: EvaluatedSplit;
  readonly step: number;
  readonly samples: number;
  /** The mean over the samples; of a classification in nats. */
  readonly loss: number;
  readonly parametersSha256: string;
  /** The classes' names, by label. */
  readonly classes: readonly string[];
  readonly classAccuracies: readonly (number | null)[];
  /** Rows: the true class, columns: what it was taken for. Null of a regression. */
  readonly confusion: Confusion | null;
};

/**
 * The figures of the run's own evaluation, piece by piece, with the confusion matrix.
 * @param onNote told in one line what is not as it should be: another engine, a model that is not compiled.
 * @param onProgress told how many of how many samples are evaluated.
 * @throws OperatorError when the run held no such samples out, or when the data or an engine can't be had.
 */
export async function evaluateRun(
  { config, model, checkpoint, step, values, sha256 }: RunParameters,
  purpose: EvaluatedSplit,
  options: ComputeOptions,
  onNote: (line: string) => void,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<RunEvaluation> {
  const compute = new InlineCompute();
  try {
    const engine = await usableEngine(options.engine, onNote);
    const { warning } = await compute.open({ ...options, engine });
    if (warning !== null) onNote(warning);
    const { note } = await compute.prepare(config);
    if (note !== null) onNote(note);
    const { pieces, indices } = planEvaluation(purpose, config, planRun(config, compute.dataset));
    if (pieces === 0) throw new OperatorError(`this run held no samples out for ${purpose}: choose another --split`);
    compute.takeParameters(step, values);
    const classes = compute.dataset.classNames;
    const matrix = classes.length === 0 ? null : new ConfusionMatrix(model.outputs);
    const work = { step, purpose, block: rootOf(pieces) };
    let done = 0;
    const { samples, lossSum, metricSum } = await compute.evaluate(work, ({ labels_N, classes_N }) => {
      matrix?.add(labels_N, classes_N);
      done += labels_N.length;
      onProgress(done, indices.end - indices.start);
    });
    const common = { checkpoint, split: purpose, step, samples, loss: lossSum / samples, parametersSha256: sha256 };
    if (matrix === null) {
      return { ...common, meanAbsoluteError: metricSum / samples, classes, classAccuracies: [], confusion: null };
    }
    const confusion = matrix.counts;
    return {
      ...common,
      accuracy: metricSum / samples,
      classes,
      classAccuracies: classAccuracies(confusion),
      confusion,
    };
  } finally {
    await compute.close();
  }
}
