import { createRequire } from 'node:module';
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { biasedVariance } from '../batch-statistics.ts';
import { loadedApart } from './apart.ts';
import type { BatchStatistics, Engine, Kernels, Tf } from './engine.ts';

const require = createRequire(import.meta.url);

/** The part of tfjs-node's backend that runs one TensorFlow operation by name. */
interface NodeBackend {
  readonly binding: Readonly<
    Record<'TF_ATTR_TYPE' | 'TF_ATTR_FLOAT' | 'TF_ATTR_STRING' | 'TF_ATTR_BOOL' | 'TF_FLOAT' | 'TF_INT32', number>
  >;
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
  const tf = loadedApart(() => require('#tfjs-node') as Tf & { readonly version: { readonly 'tfjs-node': string } });
  const backend = tf.backend() as unknown as NodeBackend & { readonly binding: { readonly TF_Version: string } };
  registerNativeReluGradient(tf, backend);
  return { name: 'tensorflow', version: backend.binding.TF_Version, threads, tf, kernels: nativeKernels(tf, backend) };
}

/** tfjs-node 4.22 calls two functions of node:util that Node 22 warns of and Node 23 has no more. */
function restoreRemovedNodeFunctions(): void {
  const legacy = require('node:util') as Record<string, unknown>;
  legacy['isNullOrUndefined'] = (value: unknown) => value === null || value === undefined;
  legacy['isArray'] = (value: unknown) => Array.isArray(value);
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
    batchNormalization: batchNormalization(tf, backend),
    sparseSoftmaxCrossEntropy: (labels_N, logits_NC) => crossEntropy(labels_N)(logits_NC as Tensor2D) as Tensor1D,
  };
}

/** Composed of stock operations it triples the step. */
function batchNormalization(tf: Tf, backend: NodeBackend): Kernels['batchNormalization'] {
  const { TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
  return (x_NHWC, gamma_C, beta_C, epsilon) => {
    const attributes = [
      floatType(backend),
      { name: 'U', type: TF_ATTR_TYPE, value: TF_FLOAT },
      { name: 'epsilon', type: backend.binding.TF_ATTR_FLOAT, value: epsilon },
      { name: 'data_format', type: backend.binding.TF_ATTR_STRING, value: 'NHWC' },
      { name: 'is_training', type: backend.binding.TF_ATTR_BOOL, value: true },
    ];
    let statistics!: BatchStatistics;
    const normalise = tf.customGrad((x, gamma, beta, save) => {
      const none = tf.tensor1d([]);
      const inputs = [x, gamma, beta, none, none] as Tensor[];
      const [y, mean_C, variance_C, ...reserved] = backend.executeMultipleOutputs(
        'FusedBatchNormV3',
        attributes,
        inputs,
        6,
      );
      statistics = {
        mean_C: mean_C!.dataSync<'float32'>(),
        variance_C: biasedVariance(variance_C!.dataSync<'float32'>(), x_NHWC.size / gamma_C.size),
      };
      (save as (tensors: Tensor[]) => void)([x as Tensor, gamma as Tensor, ...reserved]);
      return {
        value: y!,
        gradFunc: (dy: Tensor, saved: Tensor[]) =>
          backend.executeMultipleOutputs('FusedBatchNormGradV3', attributes, [dy, ...saved], 5).slice(0, 3),
      };
    });
    return { y: normalise(x_NHWC, gamma_C, beta_C) as Tensor4D, ...statistics };
  };
}

function floatType(backend: NodeBackend): OpAttribute {
  return { name: 'T', type: backend.binding.TF_ATTR_TYPE, value: backend.binding.TF_FLOAT };
}
