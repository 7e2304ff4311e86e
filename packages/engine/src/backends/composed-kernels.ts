import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import type { Kernels, Tf } from './engine.ts';

/** {@link Kernels} composed of operations that every backend has. */
export function composedKernels(tf: Tf): Kernels {
  return {
    biasAdd: (x, bias) => tf.add(x, bias),
    batchNormalization(x_NHWC, gamma_C, beta_C, epsilon) {
      const mean_C = tf.mean(x_NHWC, [0, 1, 2]);
      const centred_NHWC = tf.sub(x_NHWC, mean_C);
      const variance_C = tf.mean(tf.square(centred_NHWC), [0, 1, 2]);
      const factor_C = tf.mul(gamma_C, tf.rsqrt(tf.add(variance_C, epsilon)));
      const y = tf.add(tf.mul(centred_NHWC, factor_C), beta_C) as Tensor4D;
      const values = (tensor: Tensor) => tensor.dataSync<'float32'>();
      return { y, mean_C: values(mean_C), variance_C: values(variance_C) };
    },
    sparseSoftmaxCrossEntropy(labels_N, logits_NC) {
      const expected_NC = tf.oneHot(labels_N, logits_NC.shape[1]);
      return tf.neg(tf.sum(tf.mul(expected_NC, tf.logSoftmax(logits_NC)), 1)) as Tensor1D;
    },
  };
}
