import type * as tfjs from '@tensorflow/tfjs';

/** TensorFlow.js as both engines provide it. */
export type Tf = typeof tfjs;
export type EngineName = 'tensorflow' | 'wasm';

/** A backend of TensorFlow.js that can train, with the kernels for which the stock composition is too slow. */
export interface Engine {
  readonly name: EngineName;
  /** The version of the library that computes: TensorFlow's, or tfjs-backend-wasm's. */
  readonly version: string;
  /** Threads inside one operation. */
  readonly threads: number;
  readonly tf: Tf;
  readonly kernels: Kernels;
}

/** What a normalisation saw of a batch, per channel. */
export interface BatchStatistics {
  readonly mean_C: Float32Array;
  /** Biased: divided by the number of values, as Keras's moving variance takes it. */
  readonly variance_C: Float32Array;
}

/** Operations that an engine may have in one piece. Each is differentiable through the tape. */
export interface Kernels {
  /** x [..., C] + bias [C]. */
  biasAdd(x: tfjs.Tensor, bias: tfjs.Tensor1D): tfjs.Tensor;
  /**
   * (x − mean) / √(variance + ε) · gamma + beta with the batch's own mean and variance of each channel.
   * Ioffe and Szegedy, "Batch normalization" (2015), algorithm 1.
   */
  batchNormalization(
    x_NHWC: tfjs.Tensor4D,
    gamma_C: tfjs.Tensor1D,
    beta_C: tfjs.Tensor1D,
    epsilon: number,
  ): BatchStatistics & { readonly y: tfjs.Tensor4D };
  /**
   * Softmax cross-entropy of integer labels.
   * @returns the loss of each sample (nats), shape [N].
   */
  sparseSoftmaxCrossEntropy(labels_N: tfjs.Tensor1D, logits_NC: tfjs.Tensor2D): tfjs.Tensor1D;
}
