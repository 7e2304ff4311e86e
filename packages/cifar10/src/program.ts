import type { DropoutDraw } from './dropout.ts';

/** Images and labels of one micro-batch or one piece of an evaluation. */
export interface Batch {
  /** uint8 pixels, N times the model's input (height, width, channels); the engine scales them to [0, 1]. Not kept. */
  readonly images: Uint8Array;
  /** N class indices. */
  readonly labels: Int32Array;
  /**
   * The probabilities that the gradient's loss expects, float32 [N, classes]: each row's greatest is its label's. Without
   * them it expects the label alone, as evaluations always do.
   */
  readonly targets?: Float32Array | undefined;
}

/** Sums over a batch's samples. */
export interface BatchSums {
  readonly samples: number;
  /** Cross-entropy in nats. */
  readonly lossSum: number;
  /** Samples whose largest logit is the label's. */
  readonly correct: number;
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
  /** Loss and correct predictions, as in inference: without dropout, normalised with the moving statistics. */
  evaluate(batch: Batch): BatchSums;
  /**
   * The probability of each class, as in inference.
   * @param images as a batch's.
   * @returns shape [N, classes]; each row adds up to 1 but for rounding.
   */
  probabilities(images: Uint8Array): Float64Array;
  dispose(): void;
}
