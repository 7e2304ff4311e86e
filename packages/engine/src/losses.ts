import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { countCorrect, sumOfAbsoluteErrors, type Loss } from '@convoy/model/loss';
import type { Engine, Tf } from './backends/engine.ts';
import type { Batch } from './program.ts';

/** How a loss is computed operation by operation, and what is made of a model's outputs; as a graph it is in `graph-losses.ts`. */
export interface LossProgram {
  /** What an evaluation expects of a batch. */
  readonly evaluated: (batch: Batch) => Batch;
  /** Each sample's loss. @param outputs_NO the model's. */
  readonly losses: (engine: Engine, outputs_NO: Tensor2D, batch: Batch) => Tensor1D;
  /** What the metric looks at. */
  readonly predictions: (tf: Tf, outputs_NO: Tensor2D) => Tensor;
  /** The metric's sum over the samples. @param outputs of a sample. */
  readonly metricSum: (predictions: Tensor, batch: Batch, outputs: number) => number;
  /** The class that each sample is taken for; none in a regression. */
  readonly classes: (predictions: Tensor) => Int32Array;
  /** What the model says. @param values the outputs, [N, outputs]. */
  readonly said: (values: Float32Array, outputs: number) => Float64Array;
}

const NO_CLASSES = new Int32Array(0);

const LOSS_PROGRAMS: Readonly<Record<Loss, LossProgram>> = {
  sparseCategoricalCrossentropy: {
    evaluated: ({ inputs, labels }) => ({ inputs, labels }),
    losses: ({ tf, kernels }, logits_NC, { labels, targets }) => {
      if (targets === undefined) return kernels.sparseSoftmaxCrossEntropy(tf.tensor1d(labels, 'int32'), logits_NC);
      const expected_NC = tf.tensor2d(targets, logits_NC.shape, 'float32');
      return tf.neg(tf.sum<Tensor1D>(tf.mul(expected_NC, tf.logSoftmax(logits_NC)), 1));
    },
    predictions: (tf, logits_NC) => tf.argMax(logits_NC, 1),
    metricSum: (predictions, { labels }) => countCorrect(labels, predictions.dataSync<'int32'>()),
    classes: (predictions) => predictions.dataSync<'int32'>(),
    said: softmax,
  },
  meanSquaredError: {
    evaluated: (batch) => batch,
    losses: ({ tf }, values_NO, { targets }) =>
      tf.mean<Tensor1D>(tf.squaredDifference(values_NO, tf.tensor2d(targets!, values_NO.shape, 'float32')), 1),
    predictions: (_, values_NO) => values_NO,
    metricSum: (predictions, { targets }, outputs) =>
      sumOfAbsoluteErrors(predictions.dataSync<'float32'>(), targets!, outputs),
    classes: () => NO_CLASSES,
    said: (values) => Float64Array.from(values),
  },
};

/** What is computed of a loss. */
export function lossProgram(loss: Loss): LossProgram {
  return LOSS_PROGRAMS[loss];
}

/**
 * The softmax of each row, in float64 and with the row's largest value taken out, so that nothing overflows: the largest
 * logit has the largest probability.
 * @param logits shape [N, classes].
 * @returns shape [N, classes].
 */
export function softmax(logits: Float32Array, classes: number): Float64Array {
  const probabilities = new Float64Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    const largest = row.reduce((most, value) => Math.max(most, value), -Infinity);
    const exponentials = Float64Array.from(row, (value) => Math.exp(value - largest));
    const sum = exponentials.reduce((total, value) => total + value, 0);
    exponentials.forEach((value, n) => (probabilities[start + n] = value / sum));
  }
  return probabilities;
}
