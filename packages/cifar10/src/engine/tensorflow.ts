import { createRequire } from 'node:module';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { Engine, Kernels, Tf } from './engine.ts';

const require = createRequire(import.meta.url);

/** The part of tfjs-node's backend that runs one TensorFlow operation by name. */
interface NodeBackend {
  readonly binding: { readonly TF_ATTR_TYPE: number; readonly TF_FLOAT: number; readonly TF_INT32: number };
  executeSingleOutput(name: string, attributes: OpAttribute[], inputs: Tensor[]): Tensor;
  executeMultipleOutputs(name: string, attributes: OpAttribute[], inputs: Tensor[], outputs: number): Tensor[];
}
interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/**
 * Loads tfjs-node on the TensorFlow library that was provisioned.
 *
 * The number of threads is read by the library when it loads, once per process, from TF_NUM_INTRAOP_THREADS and
 * TF_NUM_INTEROP_THREADS: whoever starts the process sets them.
 * @throws when the addon or the library is missing or doesn't load.
 */
export function loadTensorflow(threads: number): Engine {
  restoreRemovedNodeFunctions();
  const tf = require('@tensorflow/tfjs-node') as Tf & { readonly version: { readonly 'tfjs-node': string } };
  const backend = tf.backend() as unknown as NodeBackend & { readonly binding: { readonly TF_Version: string } };
  registerNativeReluGradient(tf, backend);
  return { name: 'tensorflow', version: backend.binding.TF_Version, threads, tf, kernels: nativeKernels(tf, backend) };
}

/** tfjs-node 4.22 calls two functions of node:util that Node 23 removed. */
function restoreRemovedNodeFunctions(): void {
  const legacy = require('node:util') as Record<string, unknown>;
  legacy['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  legacy['isArray'] ??= (value: unknown) => Array.isArray(value);
}

/** Stock, relu's gradient is six operations over the activations and up to half of a step. */
function registerNativeReluGradient(tf: Tf, backend: NodeBackend): void {
  tf.unregisterGradient('Relu');
  tf.registerGradient({
    kernelName: 'Relu',
    outputsToSave: [true],
    gradFunc: (dy, saved) => ({
      x: () => backend.executeSingleOutput('ReluGrad', [floatType(backend)], [dy as Tensor, saved[0]!]),
    }),
  });
}

function nativeKernels(tf: Tf, backend: NodeBackend): Kernels {
  const type = [floatType(backend)];
  const biasAdd = tf.customGrad((x, bias) => ({
    value: backend.executeSingleOutput('BiasAdd', type, [x as Tensor, bias as Tensor]),
    gradFunc: (dy: Tensor) => [dy.clone(), backend.executeSingleOutput('BiasAddGrad', type, [dy])],
  }));
  const crossEntropy = (labels_N: Tensor1D) =>
    tf.customGrad((logits_NC, save) => {
      const attributes = [
        ...type,
        { name: 'Tlabels', type: backend.binding.TF_ATTR_TYPE, value: backend.binding.TF_INT32 },
      ];
      const [loss_N, slope_NC] = backend.executeMultipleOutputs(
        'SparseSoftmaxCrossEntropyWithLogits',
        attributes,
        [logits_NC as Tensor, labels_N],
        2,
      );
      (save as (tensors: Tensor[]) => void)([slope_NC!]);
      return {
        value: loss_N!,
        gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(saved[0]!, tf.expandDims(dy, 1)),
      };
    });
  return {
    biasAdd: (x, bias) => biasAdd(x, bias),
    sparseSoftmaxCrossEntropy: (labels_N, logits_NC) => crossEntropy(labels_N)(logits_NC as Tensor2D) as Tensor1D,
  };
}

function floatType(backend: NodeBackend): OpAttribute {
  return { name: 'T', type: backend.binding.TF_ATTR_TYPE, value: backend.binding.TF_FLOAT };
}
