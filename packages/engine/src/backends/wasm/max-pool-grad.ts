import { floats, type Kernel, type TensorInfo, type Tf, type WindowAttributes } from './stock-kernels.ts';

/**
 * The gradient of max pooling: each window's dy goes to the first of its maxima in row-major order, as in the JS backend and
 * in TensorFlow. The stock kernel starts every window's maximum at 0, so that a window without a positive value passes
 * nothing on, silently.
 *
 * The maximum is found again by comparing with the pool's output, and credited by a multiplication: which value of a window
 * wins is unpredictable, and a branch on it is slower. So a dy that is not finite spoils its whole window.
 */
export function maxPoolGrad(
  tf: Tf,
): Kernel<
  { dy: TensorInfo; input: TensorInfo; output: TensorInfo },
  WindowAttributes & { readonly filterSize: number | [number, number] }
> {
  return ({ inputs: { dy, input, output }, attrs, backend }) => {
    const info = tf.backend_util.computePool2DInfo(
      input.shape as [number, number, number, number],
      attrs.filterSize,
      attrs.strides,
      1,
      attrs.pad,
      attrs.dimRoundingMode,
    );
    const { inHeight, inWidth, inChannels: channels } = info;
    const dx = backend.makeOutput(input.shape, 'float32');
    const x_NHWC = floats(backend, input);
    const y_NHWC = floats(backend, output);
    const dy_NHWC = floats(backend, dy);
    const dx_NHWC = floats(backend, dx).fill(0);
    /** Per channel: 1 until the window's dy has found its maximum. */
    const pending = new Int32Array(channels);
    let window = 0;
    for (let image = 0; image < info.batchSize; image++) {
      for (let oh = 0; oh < info.outHeight; oh++) {
        const top = oh * info.strideHeight - info.padInfo.top;
        const endRow = Math.min(inHeight, top + info.filterHeight);
        for (let ow = 0; ow < info.outWidth; ow++) {
          const left = ow * info.strideWidth - info.padInfo.left;
          const endColumn = Math.min(inWidth, left + info.filterWidth);
          pending.fill(1);
          for (let row = Math.max(0, top); row < endRow; row++) {
            for (let column = Math.max(0, left); column < endColumn; column++) {
              const at = ((image * inHeight + row) * inWidth + column) * channels;
              for (let channel = 0; channel < channels; channel++) {
                const found = pending[channel]! & Number(x_NHWC[at + channel] === y_NHWC[window + channel]);
                pending[channel]! ^= found;
                dx_NHWC[at + channel]! += found * dy_NHWC[window + channel]!;
              }
            }
          }
          window += channels;
        }
      }
    }
    return dx;
  };
}
