import type { backend_util } from '@tensorflow/tfjs';
import {
  floats,
  type Kernel,
  type StockKernels,
  type TensorInfo,
  type Tf,
  type WindowAttributes,
} from './stock-kernels.ts';

type Conv2DInfo = backend_util.Conv2DInfo;

/** Patches are built for as many images at a time as fit: 2 MB, near the caches, and never fewer than one image. */
const PATCH_FLOATS = 1 << 19;

/**
 * The gradient of a 2-D convolution with respect to its filter, which the WASM backend lacks:
 *
 *   dFilter[kh, kw, i, o] = Σ_{n, h, w} x[n, h·stride + kh − padTop, w·stride + kw − padLeft, i] · dy[n, h, w, o]
 *
 * that is patches_[KhKwI, NHW] · dy_[NHW, O]: matrix products with `dy` as it lies in memory, and a result that needs no
 * transposing either. The transposed patches (im2col) are built in TypeScript and take a quarter of the products' time.
 * One Conv2D over transposed tensors gives the same sums, but the backend transposes its filter, here all of `dy`, at
 * scalar speed, and computes the 9 taps in tiles of 4, as 12: 1.6× slower on the layers of the CIFAR-10 network.
 */
export function conv2DBackpropFilter(
  tf: Tf,
  { matMul }: StockKernels,
): Kernel<
  { x: TensorInfo; dy: TensorInfo },
  WindowAttributes & { readonly dataFormat: 'NHWC' | 'NCHW'; readonly filterShape: [number, number, number, number] }
> {
  return ({ inputs: { x, dy }, attrs, backend }) => {
    if (attrs.dataFormat !== 'NHWC') throw new Error('the WASM backend convolves NHWC tensors only');
    const info = tf.backend_util.computeConv2DInfo(
      x.shape as [number, number, number, number],
      attrs.filterShape,
      attrs.strides,
      1,
      attrs.pad,
      attrs.dimRoundingMode,
    );
    const rows = info.filterHeight * info.filterWidth * info.inChannels;
    const columnsPerImage = info.outHeight * info.outWidth;
    const imagesAtOnce = Math.max(1, Math.floor(PATCH_FLOATS / (rows * columnsPerImage)));

    const dFilter = backend.makeOutput(attrs.filterShape, 'float32');
    floats(backend, dFilter).fill(0);
    for (let image = 0; image < info.batchSize; image += imagesAtOnce) {
      const images = Math.min(imagesAtOnce, info.batchSize - image);
      const columns = images * columnsPerImage;
      const patches = backend.makeOutput([rows, columns], 'float32');
      const dyPart = backend.makeOutput([columns, info.outChannels], 'float32');
      const dyStart = image * columnsPerImage * info.outChannels;
      floats(backend, dyPart).set(floats(backend, dy).subarray(dyStart, dyStart + columns * info.outChannels));
      fillPatches(floats(backend, x), info, image, images, floats(backend, patches));
      const product = matMul({
        inputs: { a: patches, b: dyPart },
        attrs: { transposeA: false, transposeB: false },
        backend,
      });
      accumulate(floats(backend, dFilter), floats(backend, product));
      for (const intermediate of [patches, dyPart, product]) backend.disposeData(intermediate.dataId);
    }
    return dFilter;
  };
}

/** patches_[KhKwI, NHW] of `images` images of x_NHWC from `firstImage` on; zero where a patch reaches into the padding. */
function fillPatches(
  x: Float32Array,
  info: Conv2DInfo,
  firstImage: number,
  images: number,
  patches: Float32Array,
): void {
  const keepsSize = info.outHeight === info.inHeight && info.outWidth === info.inWidth;
  if (keepsSize && info.strideHeight === 1 && info.strideWidth === 1) shiftPlanes(x, info, firstImage, images, patches);
  else gatherPatches(x, info, firstImage, images, patches);
}

/**
 * Stride 1, output as large as the input: a tap's row of patches is the channel's plane shifted by a constant, with zeros
 * where the shift crosses an image's edge. Nearly all of it is block copies.
 */
function shiftPlanes(
  x: Float32Array,
  info: Conv2DInfo,
  firstImage: number,
  images: number,
  patches: Float32Array,
): void {
  const { inHeight: height, inWidth: width, inChannels: channels, filterHeight, filterWidth } = info;
  const { top, left } = info.padInfo;
  const columns = images * height * width;
  const planes = (top * filterWidth + left) * channels * columns;
  transposePixels(x, firstImage * height * width, columns, channels, patches, planes);
  for (let kh = 0; kh < filterHeight; kh++) {
    for (let kw = 0; kw < filterWidth; kw++) {
      const down = kh - top;
      const across = kw - left;
      if (down === 0 && across === 0) continue;
      const shift = down * width + across;
      for (let channel = 0; channel < channels; channel++) {
        const row = ((kh * filterWidth + kw) * channels + channel) * columns;
        const plane = planes + channel * columns;
        patches.copyWithin(
          row + Math.max(0, -shift),
          plane + Math.max(0, shift),
          plane + columns - Math.max(0, -shift),
        );
        if (down !== 0) {
          const edge = Math.min(height, Math.abs(down)) * width;
          const from = down < 0 ? 0 : height * width - edge;
          for (let image = row; image < row + columns; image += height * width) {
            patches.fill(0, image + from, image + from + edge);
          }
        }
        if (across !== 0) {
          const edge = Math.min(width, Math.abs(across));
          const from = across < 0 ? 0 : width - edge;
          for (let line = row + from; line < row + columns; line += width) {
            for (let w = line; w < line + edge; w++) patches[w] = 0;
          }
        }
      }
    }
  }
}

/** Any strides and padding, pixel by pixel. */
function gatherPatches(
  x: Float32Array,
  info: Conv2DInfo,
  firstImage: number,
  images: number,
  patches: Float32Array,
): void {
  const { inHeight, inWidth, inChannels, outHeight, outWidth, strideHeight, strideWidth } = info;
  const columns = images * outHeight * outWidth;
  const inColumns = inWidth * inChannels;
  for (let kh = 0; kh < info.filterHeight; kh++) {
    for (let kw = 0; kw < info.filterWidth; kw++) {
      const row = (kh * info.filterWidth + kw) * inChannels * columns;
      let column = row;
      for (let image = firstImage; image < firstImage + images; image++) {
        for (let oh = 0; oh < outHeight; oh++) {
          const h = oh * strideHeight + kh - info.padInfo.top;
          for (let ow = 0; ow < outWidth; ow++, column++) {
            const w = ow * strideWidth + kw - info.padInfo.left;
            const inside = h >= 0 && h < inHeight && w >= 0 && w < inWidth;
            const pixel = (image * inHeight + h) * inColumns + w * inChannels;
            for (let channel = 0; channel < inChannels; channel++) {
              patches[column + channel * columns] = inside ? x[pixel + channel]! : 0;
            }
          }
        }
      }
    }
  }
}

/** target_[C, pixels] from `at` on = x_[pixels, C] from `firstPixel` on, in blocks: strided reads stay in the nearest cache. */
function transposePixels(
  x: Float32Array,
  firstPixel: number,
  pixels: number,
  channels: number,
  target: Float32Array,
  at: number,
): void {
  const BLOCK = 64;
  for (let block = 0; block < pixels; block += BLOCK) {
    const blockEnd = Math.min(pixels, block + BLOCK);
    for (let channel = 0; channel < channels; channel++) {
      const plane = at + channel * pixels;
      let from = (firstPixel + block) * channels + channel;
      for (let pixel = block; pixel < blockEnd; pixel++, from += channels) target[plane + pixel] = x[from]!;
    }
  }
}

function accumulate(sum: Float32Array, addend: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += addend[i]!;
}
