import type { MetricName } from '@convoy/protocol/metric';

/** What there is to know of a loss but for how an engine computes it. */
interface LossKind {
  /** What is told beside it. */
  readonly metric: MetricName;
  /** What a sample is expected to have: one of the classes that the model's outputs stand for, or a value for each output. */
  readonly expects: 'class' | 'values';
}

/** What is minimised, with the names of TensorFlow.js. A gradient is of the sum over the samples. */
const LOSS_KINDS = {
  /** Takes the logits of the softmax with which the model must end. */
  sparseCategoricalCrossentropy: { metric: 'accuracy', expects: 'class' },
  /** The mean over a sample's outputs. */
  meanSquaredError: { metric: 'meanAbsoluteError', expects: 'values' },
} as const satisfies Readonly<Record<string, LossKind>>;

export type Loss = keyof typeof LOSS_KINDS;
export const LOSSES = Object.keys(LOSS_KINDS) as readonly Loss[];

/** What a sample is expected to have: a class, or values. */
export function expectedOf(loss: Loss): LossKind['expects'] {
  return LOSS_KINDS[loss].expects;
}

/** The classes that a model tells apart; null where it gives values. */
export function classesOf({ loss, outputs }: { readonly loss: Loss; readonly outputs: number }): number | null {
  return expectedOf(loss) === 'class' ? outputs : null;
}

/** What is told beside each loss. */
export const METRIC_OF = Object.fromEntries(LOSSES.map((loss) => [loss, LOSS_KINDS[loss].metric])) as Readonly<
  Record<Loss, MetricName>
>;

/**
 * Sums over a batch in float64 and in the samples' order: the same bits whatever sum an engine would make of it.
 * @param losses_N of each sample.
 */
export function sumOfLosses(losses_N: Float32Array): number {
  return losses_N.reduce((sum, loss) => sum + loss, 0);
}

/** Correct predictions among the samples: the sum of the metric `accuracy`. */
export function countCorrect(labels: Int32Array, predictions: Int32Array): number {
  return labels.reduce((correct, label, n) => correct + (predictions[n] === label ? 1 : 0), 0);
}

/**
 * The sum of the metric `meanAbsoluteError`: over the samples, of the mean over a sample's outputs.
 * @param values_NO what was predicted, and @param targets_NO what was right: shape [N, outputs].
 */
export function sumOfAbsoluteErrors(values_NO: Float32Array, targets_NO: Float32Array, outputs: number): number {
  return targets_NO.reduce((sum, target, at) => sum + Math.abs(values_NO[at]! - target), 0) / outputs;
}
