import {
  floats,
  type BackendWasm,
  type Conv2DBackpropInputKernel,
  type StockKernels,
  type TensorInfo,
  type Tf,
} from './stock-kernels.ts';

/**
 * The gradient of a 2-D convolution with respect to its input: dy, spread out by the strides, convolved with the filter
 * rotated by 180° and with its channels exchanged. The stock kernel is a scalar loop, four times slower.
 */
export function conv2DBackpropInput(
  tf: Tf,
  { conv2d, conv2dBackpropInput: stock }: StockKernels,
): Conv2DBackpropInputKernel {
  return (call) => {
    const { inputs, attrs, backend } = call;
    const { dy, filter } = inputs;
    const info = tf.backend_util.computeConv2DInfo(
      attrs.inputShape,
      filter.shape as [number, number, number, number],
      attrs.strides,
      1,
      attrs.pad,
      attrs.dimRoundingMode,
    );
    // What is left of the full correlation once the forward padding is cut off again.
    const top = info.filterHeight - 1 - info.padInfo.top;
    const left = info.filterWidth - 1 - info.padInfo.left;
    const spreadHeight = (info.outHeight - 1) * info.strideHeight + 1;
    const spreadWidth = (info.outWidth - 1) * info.strideWidth + 1;
    const bottom = info.inHeight + info.filterHeight - 1 - top - spreadHeight;
    const right = info.inWidth + info.filterWidth - 1 - left - spreadWidth;
    // Explicit padding wider than the filter, and NCHW: nothing here trains with either.
    if (attrs.dataFormat !== 'NHWC' || Math.min(top, left, bottom, right) < 0) return stock(call);

    const rotated = rotate(backend, filter);
    const strided = info.strideHeight > 1 || info.strideWidth > 1;
    const spreadDy = strided ? spread(backend, dy, info.strideHeight, info.strideWidth) : dy;
    const dx = conv2d({
      inputs: { x: spreadDy, filter: rotated },
      attrs: { strides: 1, pad: [[0, 0], [top, bottom], [left, right], [0, 0]], dataFormat: 'NHWC', dilations: 1 }, // prettier-ignore
      backend,
    });
    backend.disposeData(rotated.dataId);
    if (strided) backend.disposeData(spreadDy.dataId);
    return dx;
  };
}

/** filter_[Kh, Kw, I, O] → [Kh, Kw, O, I] with both window axes reversed. */
function rotate(backend: BackendWasm, filter: TensorInfo): TensorInfo {
  const [height, width, inChannels, outChannels] = filter.shape as [number, number, number, number];
  const rotated = backend.makeOutput([height, width, outChannels, inChannels], 'float32');
  const source = floats(backend, filter);
  const target = floats(backend, rotated);
  const taps = height * width;
  const tapSize = inChannels * outChannels;
  for (let tap = 0; tap < taps; tap++) {
    const from = (taps - 1 - tap) * tapSize;
    let to = tap * tapSize;
    for (let o = 0; o < outChannels; o++) {
      for (let i = 0; i < inChannels; i++) target[to++] = source[from + i * outChannels + o]!;
    }
  }
  return rotated;
}

/** dy_NHWC with `stride − 1` zero rows and columns between its own. */
function spread(backend: BackendWasm, dy: TensorInfo, strideHeight: number, strideWidth: number): TensorInfo {
  const [batch, height, width, channels] = dy.shape as [number, number, number, number];
  const spreadHeight = (height - 1) * strideHeight + 1;
  const spreadWidth = (width - 1) * strideWidth + 1;
  const spreadDy = backend.makeOutput([batch, spreadHeight, spreadWidth, channels], 'float32');
  const source = floats(backend, dy);
  const target = floats(backend, spreadDy).fill(0);
  let from = 0;
  for (let image = 0; image < batch; image++) {
    for (let h = 0; h < height; h++) {
      for (let w = 0; w < width; w++) {
        const to = ((image * spreadHeight + h * strideHeight) * spreadWidth + w * strideWidth) * channels;
        for (let c = 0; c < channels; c++) target[to + c] = source[from++]!;
      }
    }
  }
  return spreadDy;
}
