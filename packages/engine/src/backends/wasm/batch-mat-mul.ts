import { floats, type BackendWasm, type MatMulKernel, type StockKernels, type TensorInfo } from './stock-kernels.ts';

/**
 * Matrix products with transposed operands, which is every gradient of a dense layer: the stock kernel falls back to a
 * scalar loop for them. Transpose first and take its fast path.
 */
export function batchMatMul({ matMul, transpose }: StockKernels): MatMulKernel {
  /** The shape in which the backend holds each right operand packed. */
  const packedAs = new WeakMap<object, string>();

  function multiply(a: TensorInfo, b: TensorInfo, backend: BackendWasm): TensorInfo {
    const attrs = { transposeA: false, transposeB: false };
    const shape = b.shape.slice(-2).join();
    const packed = packedAs.get(b.dataId);
    if (packed === undefined || packed === shape) {
      packedAs.set(b.dataId, shape);
      return matMul({ inputs: { a, b }, attrs, backend });
    }
    // The backend finds the packed operand by its data alone: a reshaped one would be taken in its first shape.
    const copy = backend.makeOutput(b.shape, 'float32');
    floats(backend, copy).set(floats(backend, b));
    const product = matMul({ inputs: { a, b: copy }, attrs, backend });
    backend.disposeData(copy.dataId);
    return product;
  }

  function swapLastTwo(x: TensorInfo, backend: BackendWasm): TensorInfo {
    const rank = x.shape.length;
    const perm = x.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
    return transpose({ inputs: { x }, attrs: { perm }, backend });
  }

  return ({ inputs: { a, b }, attrs: { transposeA, transposeB }, backend }) => {
    // a·bᵀ = (b·aᵀ)ᵀ: a right operand is packed once per tensor, which costs more than the product, so take the smaller.
    if (transposeB && size(b) > size(a)) {
      const right = transposeA ? a : swapLastTwo(a, backend);
      const product = multiply(b, right, backend);
      const out = swapLastTwo(product, backend);
      if (right !== a) backend.disposeData(right.dataId);
      backend.disposeData(product.dataId);
      return out;
    }
    const left = transposeA ? swapLastTwo(a, backend) : a;
    const right = transposeB ? swapLastTwo(b, backend) : b;
    const out = multiply(left, right, backend);
    if (left !== a) backend.disposeData(left.dataId);
    if (right !== b) backend.disposeData(right.dataId);
    return out;
  };
}

function size(x: TensorInfo): number {
  return x.shape.reduce((product, dimension) => product * dimension, 1);
}
