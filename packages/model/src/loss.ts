import type { MetricName } from '@convoy/protocol/metric';

/** What is minimised, with the names of TensorFlow.js. A gradient is of the sum over the samples. */
export const LOSSES = ['sparseCategoricalCrossentropy', 'meanSquaredError'] as const;
export type Loss = (typeof LOSSES)[number];

/** What is told beside each loss. */
export const METRIC_OF: Readonly<Record<Loss, MetricName>> = {
  sparseCategoricalCrossentropy: 'accuracy',
  meanSquaredError: 'meanAbsoluteError',
};

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
