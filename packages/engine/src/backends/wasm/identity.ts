import type { Kernel, TensorInfo } from './stock-kernels.ts';

/**
 * A second name for the same data, counted as a reference, as in the other backends. The stock kernel copies, and the
 * engine calls it for every activation it saves for a gradient.
 */
export function identity(): Kernel<{ x: TensorInfo }, object> {
  return ({ inputs: { x }, backend }) => {
    backend.incRef(x.dataId);
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
  };
}
