import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Model, PlacedLayer } from '@convoy/model/architecture';
import type { BatchStatistics, Engine, Tf } from './backends/engine.ts';
import type { Activation } from '@convoy/model/layers';

/** A dropout layer's multipliers, of its input's shape, by the layer's index; absent layers pass their input on, as in inference. */
export type MaskTensors = ReadonlyMap<number, Tensor>;

/** What differs between training and inference. */
export interface ForwardMode {
  readonly masks: MaskTensors;
  /** Told each normalisation's statistics of the batch; null normalises with the moving ones, as in inference. */
  readonly onStatistics: ((placed: PlacedLayer, statistics: BatchStatistics) => void) | null;
}

/**
 * The model's function: inputs in, outputs [N, outputs] out: the values of a regression, the logits of a classification (the last
 * layer's softmax is left to the loss, where it is stable).
 * @param parameters one tensor per entry of the model's table, in its order.
 * @param inputs shape [N, ...model.input.shape].
 */
export function forward(
  { tf, kernels }: Engine,
  model: Model,
  parameters: readonly Tensor[],
  inputs: Tensor,
  { masks, onStatistics }: ForwardMode,
): Tensor2D {
  const outputs = new Map<string, Tensor>();
  let x = inputs;
  for (const [index, placed] of model.layers.entries()) {
    const { layer, indices } = placed;
    const own = indices.map((place) => parameters[place]!);
    switch (layer.type) {
      case 'input':
        break;
      case 'conv2d': {
        const [kernel_HWIO, bias_C] = own as [Tensor4D, Tensor1D?];
        x = tf.conv2d(x as Tensor4D, kernel_HWIO, layer.strides ?? 1, layer.padding ?? 'same');
        if (bias_C !== undefined) x = kernels.biasAdd(x, bias_C);
        x = activated(tf, x, layer.activation);
        break;
      }
      case 'batch-normalization': {
        const [gamma_C, beta_C, mean_C, variance_C] = own as [Tensor1D, Tensor1D, Tensor1D, Tensor1D];
        if (onStatistics === null) {
          x = tf.batchNorm(x as Tensor4D, mean_C, variance_C, beta_C, gamma_C, layer.epsilon);
        } else {
          const { y, ...statistics } = kernels.batchNormalization(x as Tensor4D, gamma_C, beta_C, layer.epsilon);
          onStatistics(placed, statistics);
          x = y;
        }
        break;
      }
      case 'activation':
        x = activated(tf, x, layer.activation);
        break;
      case 'add':
        x = tf.add(x, outputs.get(layer.with)!);
        break;
      case 'max-pooling2d':
        x = tf.maxPool(x as Tensor4D, layer.poolSize, layer.poolSize, 'valid');
        break;
      case 'average-pooling2d':
        x = tf.avgPool(x as Tensor4D, layer.poolSize, layer.poolSize, 'valid');
        break;
      case 'global-average-pooling2d':
        x = tf.mean(x, [1, 2]);
        break;
      case 'flatten':
        x = tf.reshape(x, [x.shape[0]!, -1]);
        break;
      case 'rescaling':
        x = tf.mul(x, layer.scale);
        break;
      case 'dropout': {
        const mask = masks.get(index);
        if (mask !== undefined) x = tf.mul(x, mask);
        break;
      }
      case 'dense': {
        const [kernel_IO, bias_O] = own as [Tensor2D, Tensor1D?];
        x = tf.matMul(x as Tensor2D, kernel_IO);
        if (bias_O !== undefined) x = kernels.biasAdd(x, bias_O);
        x = activated(tf, x, layer.activation);
        break;
      }
      default:
        layer satisfies never;
    }
    outputs.set(layer.name, x);
  }
  return x as Tensor2D;
}

function activated(tf: Tf, x: Tensor, activation: Activation | 'softmax'): Tensor {
  switch (activation) {
    case 'relu':
      return tf.relu(x);
    case 'sigmoid':
      return tf.sigmoid(x);
    case 'tanh':
      return tf.tanh(x);
    case 'linear':
    case 'softmax':
      return x;
  }
}
