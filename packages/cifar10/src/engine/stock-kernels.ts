import type { Tensor1D } from '@tensorflow/tfjs';
import type { Kernels, Tf } from './engine.ts';

/** {@link Kernels} composed of operations that every backend has. */
export function stockKernels(tf: Tf): Kernels {
  return {
    biasAdd: (x, bias) => tf.add(x, bias),
    sparseSoftmaxCrossEntropy(labels_N, logits_NC) {
      const expected_NC = tf.oneHot(labels_N, logits_NC.shape[1]);
      return tf.neg(tf.sum(tf.mul(expected_NC, tf.logSoftmax(logits_NC)), 1)) as Tensor1D;
    },
  };
}
