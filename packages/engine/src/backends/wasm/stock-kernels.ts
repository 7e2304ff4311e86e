import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type * as tfjs from '@tensorflow/tfjs';

export type Tf = typeof tfjs;
export type TensorInfo = tfjs.TensorInfo;
export type { BackendWasm };

/**
 * A kernel works on bare data below the engine: no scope tidies up after it, so it disposes what it makes on `backend` and
 * does not return. A view from `typedArrayFromHeap` dies when the heap grows: take views after the last allocation.
 */
export type Kernel<Inputs, Attributes> = (call: {
  readonly inputs: Inputs;
  readonly attrs: Attributes;
  readonly backend: BackendWasm;
}) => TensorInfo;

/** The attributes that the convolutions and pools share, as tfjs passes them. */
export interface WindowAttributes {
  readonly strides: number | [number, number];
  readonly pad: 'same' | 'valid' | number | ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}
type ExplicitPadding = [[number, number], [number, number], [number, number], [number, number]];

export interface Conv2DAttributes extends WindowAttributes {
  readonly dataFormat: 'NHWC' | 'NCHW';
  readonly dilations: number | [number, number];
}

export type MatMulKernel = Kernel<{ a: TensorInfo; b: TensorInfo }, { transposeA: boolean; transposeB: boolean }>;
export type Conv2DKernel = Kernel<{ x: TensorInfo; filter: TensorInfo }, Conv2DAttributes>;
export type Conv2DBackpropInputKernel = Kernel<
  { dy: TensorInfo; filter: TensorInfo },
  WindowAttributes & { readonly dataFormat: 'NHWC' | 'NCHW'; readonly inputShape: [number, number, number, number] }
>;

/** The package's own kernels that ours are composed of. */
export interface StockKernels {
  readonly conv2d: Conv2DKernel;
  readonly conv2dBackpropInput: Conv2DBackpropInputKernel;
  readonly matMul: MatMulKernel;
  readonly transpose: Kernel<{ x: TensorInfo }, { perm: number[] }>;
}

/** Read before ours are registered: two of them share a name with one of ours. */
export function stockKernels(tf: Tf): StockKernels {
  function find<K>(name: string): K {
    const config = tf.getKernel(name, 'wasm');
    if (!config) throw new Error(`no ${name} kernel for the WASM backend: load @tensorflow/tfjs-backend-wasm first`);
    return config.kernelFunc as unknown as K;
  }
  return {
    conv2d: find('Conv2D'),
    conv2dBackpropInput: find('Conv2DBackpropInput'),
    matMul: find('BatchMatMul'),
    transpose: find('Transpose'),
  };
}

/** The data's float32 values on the WASM heap, until the heap grows. */
export function floats(backend: BackendWasm, info: TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(info) as Float32Array;
}
