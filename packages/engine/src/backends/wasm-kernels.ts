import { batchMatMul } from './wasm/batch-mat-mul.ts';
import { conv2DBackpropFilter } from './wasm/conv2d-backprop-filter.ts';
import { conv2DBackpropInput } from './wasm/conv2d-backprop-input.ts';
import { maxPoolGrad } from './wasm/max-pool-grad.ts';
import { stockKernels, type Kernel, type TensorInfo, type Tf } from './wasm/stock-kernels.ts';

export type { Tf } from './wasm/stock-kernels.ts';

/**
 * Makes tfjs's WASM backend fit to train a convolutional network: adds the filter gradient it lacks, replaces the pool's
 * gradient, which is wrong for windows without a positive value, replaces two that run as scalar loops and one that
 * copies for nothing. All are kernels of the backend 'wasm' only and of `tf`'s registry; a second call changes nothing.
 * @throws Error when the backend's package has not been loaded into this `tf`.
 */
export function registerWasmKernels(tf: Tf): void {
  if (registered.has(tf.getKernel('Conv2DBackpropFilter', 'wasm')?.kernelFunc as object)) return;
  const stock = stockKernels(tf);
  const ours = {
    BatchMatMul: batchMatMul(stock),
    Conv2DBackpropFilter: conv2DBackpropFilter(tf, stock),
    Conv2DBackpropInput: conv2DBackpropInput(tf, stock),
    Identity: identity(),
    MaxPoolGrad: maxPoolGrad(tf),
  };
  for (const [kernelName, kernelFunc] of Object.entries(ours)) {
    const replaced = tf.getKernel(kernelName, 'wasm');
    if (replaced) tf.unregisterKernel(kernelName, 'wasm');
    // A replaced kernel's setup still has to run when the backend starts: ours may call the stock one.
    tf.registerKernel({ ...replaced, kernelName, backendName: 'wasm', kernelFunc: kernelFunc as never });
    registered.add(kernelFunc);
  }
}

const registered = new WeakSet<object>();

/**
 * A second name for the same data, counted as a reference, as in the other backends. The stock kernel copies, and the
 * engine calls it for every activation it saves for a gradient.
 */
function identity(): Kernel<{ x: TensorInfo }, object> {
  return ({ inputs: { x }, backend }) => {
    backend.incRef(x.dataId);
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
  };
}
