import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { PlacedLayer } from '@convoy/model/architecture';
import type { Activation, Layer, LayerOf, LayerType } from '@convoy/model/layers';
import type { BatchStatistics, Engine, Tf } from './backends/engine.ts';

/** What a layer is computed with, beside its input. */
export interface LayerContext extends Pick<Engine, 'tf' | 'kernels'> {
  /** The layer's own tensors, in the order of its parts. */
  readonly parameters: readonly Tensor[];
  /** The output of the layer that it takes beside the one before it. */
  readonly other: Tensor | undefined;
  /** A dropout's multipliers, of its input's shape; without them it passes its input on, as in inference. */
  readonly mask: Tensor | undefined;
  /** Told a normalisation's statistics of the batch; null normalises with the moving ones, as in inference. */
  readonly onStatistics: ((statistics: BatchStatistics) => void) | null;
}

type EagerLayer<Type extends LayerType> = (x: Tensor, layer: LayerOf<Type>, context: LayerContext) => Tensor;

/** Each type of layer as operations of TensorFlow.js, which differentiates them. */
const EAGER_LAYERS: { readonly [Type in LayerType]: EagerLayer<Type> } = {
  input: (x) => x,
  conv2d(x_NHWC, { strides = 1, padding = 'same', activation }, { tf, kernels, parameters }) {
    const [kernel_HWIO, bias_C] = parameters as [Tensor4D, Tensor1D?];
    const y = tf.conv2d(x_NHWC as Tensor4D, kernel_HWIO, strides, padding);
    return activated(tf, bias_C === undefined ? y : kernels.biasAdd(y, bias_C), activation);
  },
  dense(x_NI, { activation }, { tf, kernels, parameters }) {
    const [kernel_IO, bias_O] = parameters as [Tensor2D, Tensor1D?];
    const y = tf.matMul(x_NI as Tensor2D, kernel_IO);
    return activated(tf, bias_O === undefined ? y : kernels.biasAdd(y, bias_O), activation);
  },
  'batch-normalization'(x_NHWC, { epsilon }, { tf, kernels, parameters, onStatistics }) {
    const [gamma_C, beta_C, mean_C, variance_C] = parameters as [Tensor1D, Tensor1D, Tensor1D, Tensor1D];
    if (onStatistics === null) return tf.batchNorm(x_NHWC as Tensor4D, mean_C, variance_C, beta_C, gamma_C, epsilon);
    const { y, ...statistics } = kernels.batchNormalization(x_NHWC as Tensor4D, gamma_C, beta_C, epsilon);
    onStatistics(statistics);
    return y;
  },
  activation: (x, { activation }, { tf }) => activated(tf, x, activation),
  'max-pooling2d': (x, { poolSize }, { tf }) => tf.maxPool(x as Tensor4D, poolSize, poolSize, 'valid'),
  'average-pooling2d': (x, { poolSize }, { tf }) => tf.avgPool(x as Tensor4D, poolSize, poolSize, 'valid'),
  'global-average-pooling2d': (x, _, { tf }) => tf.mean(x, [1, 2]),
  flatten: (x, _, { tf }) => tf.reshape(x, [x.shape[0]!, -1]),
  rescaling: (x, { scale }, { tf }) => tf.mul(x, scale),
  dropout: (x, _, { tf, mask }) => (mask === undefined ? x : tf.mul(x, mask)),
  add: (x, _, { tf, other }) => tf.add(x, other!),
};

/** A layer's output. @param x the output of the layer before it, [N, ...]. */
export function eagerLayer({ layer }: PlacedLayer, x: Tensor, context: LayerContext): Tensor {
  const compute = EAGER_LAYERS[layer.type] as unknown as (x: Tensor, layer: Layer, context: LayerContext) => Tensor;
  return compute(x, layer, context);
}

const EAGER_ACTIVATIONS: Readonly<Record<Activation | 'softmax', (tf: Tf, x: Tensor) => Tensor>> = {
  linear: (_, x) => x,
  relu: (tf, x) => tf.relu(x),
  sigmoid: (tf, x) => tf.sigmoid(x),
  tanh: (tf, x) => tf.tanh(x),
  gelu: (tf, x) => tf.mul(x, tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5)),
  // The last layer's softmax is left to the loss, where it is stable.
  softmax: (_, x) => x,
};

function activated(tf: Tf, x: Tensor, activation: Activation | 'softmax'): Tensor {
  return EAGER_ACTIVATIONS[activation](tf, x);
}
