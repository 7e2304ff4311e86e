import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Model } from './architecture.ts';
import type { Engine } from './engine/engine.ts';

/** A dropout layer's multipliers by the layer's index; absent layers pass their input on, as in inference. */
export type DropoutMasks = ReadonlyMap<number, Tensor2D>;

/**
 * The model's function: images in, logits out (the last layer's softmax is left to the loss, where it is stable).
 * @param parameters one tensor per entry of the model's table, in its order.
 */
export function forward(
  { tf, kernels }: Engine,
  model: Model,
  parameters: readonly Tensor[],
  images_NHWC: Tensor4D,
  masks: DropoutMasks,
): Tensor2D {
  let x: Tensor = images_NHWC;
  let next = 0;
  for (const [index, { layer }] of model.layers.entries()) {
    switch (layer.type) {
      case 'input':
        break;
      case 'conv2d': {
        const [kernel_HWIO, bias_C] = [parameters[next++] as Tensor4D, parameters[next++] as Tensor1D];
        x = kernels.biasAdd(tf.conv2d(x as Tensor4D, kernel_HWIO, 1, 'same'), bias_C);
        if (layer.activation === 'relu') x = tf.relu(x);
        break;
      }
      case 'activation':
        x = tf.relu(x);
        break;
      case 'max-pooling2d':
        x = tf.maxPool(x as Tensor4D, layer.poolSize, layer.poolSize, 'valid');
        break;
      case 'flatten':
        x = tf.reshape(x, [x.shape[0]!, -1]);
        break;
      case 'dropout': {
        const mask = masks.get(index);
        if (mask !== undefined) x = tf.mul(x, mask);
        break;
      }
      case 'dense': {
        const [kernel_IO, bias_O] = [parameters[next++] as Tensor2D, parameters[next++] as Tensor1D];
        x = kernels.biasAdd(tf.matMul(x as Tensor2D, kernel_IO), bias_O);
        if (layer.activation === 'relu') x = tf.relu(x);
        break;
      }
      default:
        layer satisfies never;
    }
  }
  return x as Tensor2D;
}
