import type { Inputs } from '@convoy/model/dataset';
import type { DropoutDraw } from '@convoy/model/dropout';

/** Images and labels of one micro-batch or one piece of an evaluation. */
export interface Batch {
  /** N times the model's input, of its type; the engine divides bytes by 255. Not kept. */
  readonly inputs: Inputs;
  /** N class indices; none in a regression. */
  readonly labels: Int32Array;
  /**
   * float32 [N, outputs]. In a regression, the values that are expected. In a classification, the probabilities that the
   * gradient's loss expects: each row's greatest is its label's. Without them it expects the label alone, as evaluations always
   * do.
   */
  readonly targets?: Float32Array | undefined;
}

/** Sums over a batch's samples. */
export interface BatchSums {
  readonly samples: number;
  /** Cross-entropy in nats, or the squared error, a mean over a sample's outputs. */
  readonly lossSum: number;
  /** Samples whose largest logit is the label's, or the absolute error, a mean over a sample's outputs. */
  readonly metricSum: number;
}

/** An evaluation's sums, and what they are made of. */
export interface BatchEvaluation extends BatchSums {
  /** Each sample's loss. */
  readonly losses_N: Float32Array;
  /** The class that each sample is taken for; none in a regression. */
  readonly classes_N: Int32Array;
  /** Logits or values, shape [N, outputs]: {@link Program.said} makes of them what `predict` gives. */
  readonly outputs_NO: Float32Array;
}

/** A model made ready to compute on an engine: what a worker runs. */
export interface Program {
  /** Takes the flat parameter vector that the next calls use. The vector may be overwritten once this returns. */
  setParameters(parameters: Float32Array): void;
  /**
   * The gradient of the batch's loss *sum* with respect to the flat parameter vector, written to `gradient`: in its head
   * the slopes, in its tail, for every moving statistic, the batch's own times the samples. Normalises with the batch's.
   * @param dropout whose masks to draw; null computes without dropout.
   */
  gradient(batch: Batch, dropout: DropoutDraw | null, gradient: Float32Array): BatchSums;
  /** Draws masks for a call of `gradient` that is likely to come next: it then finds them. A wrong guess costs time only. */
  drawAhead(dropout: DropoutDraw): void;
  /** Loss and metric, as in inference: without dropout, normalised with the moving statistics. */
  evaluate(batch: Batch): BatchEvaluation;
  /**
   * What the model says, as in inference.
   * @param inputs as a batch's.
   * @returns shape [N, outputs]: the probability of each class, where a row adds up to 1 but for rounding; or a regression's values.
   */
  predict(inputs: Inputs): Float64Array;
  /** What outputs of {@link evaluate} say, of as many samples as they are of: see {@link predict}. */
  said(outputs_NO: Float32Array): Float64Array;
  dispose(): void;
}
