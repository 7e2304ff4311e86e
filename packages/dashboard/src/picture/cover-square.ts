/** Pixels row by row, `channels` bytes each. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Pictures that are larger by more than this are averaged in whole pixels first. */
const GAP = 2;

/**
 * The largest square around a picture's centre, resized to `size` · `size`: by the same filter, in the same passes, as libvips resizes
 * for `readImage`, so that the model sees the same picture as `convoy predict` shows it, give or take the last bit of a pixel. A picture
 * that has this size already keeps its pixels.
 */
export function coverSquare(picture: Raster, size: number): Raster {
  const { width, height } = picture;
  const shrink = Math.min(width, height) / size;
  const resized = shrink === 1 ? picture : resize(picture, shrink);
  return cropCentre(resized, size);
}

function resize(picture: Raster, shrink: number): Raster {
  const boxes = Math.max(1, Math.floor(shrink / GAP));
  let result = picture;
  for (const axis of ['vertical', 'horizontal'] as const) result = averaged(result, boxes, axis);
  for (const axis of ['vertical', 'horizontal'] as const) {
    const before = axis === 'vertical' ? picture.height : picture.width;
    result = filtered(
      result,
      { shrink: shrink / boxes, before: before / boxes, length: Math.round(before / shrink) },
      axis,
    );
  }
  return result;
}

type Axis = 'vertical' | 'horizontal';

/** Each output sample along one axis as a weighted sum of input samples of the same line; beyond the edge stands the edge. */
function alongAxis(
  { width, height, channels, data }: Raster,
  axis: Axis,
  length: number,
  tapsOf: (at: number) => { readonly first: number; readonly weights: readonly number[] },
): Raster {
  const isVertical = axis === 'vertical';
  const [before, lines, stride, lineStride] = isVertical
    ? [height, width, width * channels, channels]
    : [width, height, channels, width * channels];
  const size = isVertical ? { width, height: length } : { width: length, height };
  const result = new Uint8ClampedArray(size.width * size.height * channels);
  const [outStride, outLineStride] = isVertical ? [size.width * channels, channels] : [channels, size.width * channels];
  for (let at = 0; at < length; at++) {
    const { first, weights } = tapsOf(at);
    const offsets = weights.map((_, tap) => stride * Math.min(before - 1, Math.max(0, first + tap)));
    for (let line = 0; line < lines; line++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        const from = line * lineStride + channel;
        for (let tap = 0; tap < weights.length; tap++) sum += weights[tap]! * data[from + offsets[tap]!]!;
        result[at * outStride + line * outLineStride + channel] = sum;
      }
    }
  }
  return { ...size, channels, data: result };
}

/** The mean of each `count` neighbours. */
function averaged(picture: Raster, count: number, axis: Axis): Raster {
  if (count === 1) return picture;
  const length = Math.ceil((axis === 'vertical' ? picture.height : picture.width) / count);
  const weights = new Array<number>(count).fill(1 / count);
  return alongAxis(picture, axis, length, (at) => ({ first: at * count, weights }));
}

interface Scaling {
  readonly shrink: number;
  /** Samples along the axis, before and after; those before may end within one. */
  readonly before: number;
  readonly length: number;
}

/** Lanczos of three lobes where pixels become fewer, Catmull and Rom's cubic where they become more. */
function filtered(picture: Raster, { shrink, before, length }: Scaling, axis: Axis): Raster {
  const [kernel, radius, width] = shrink > 1 ? [lanczos3, 3, shrink] : [catmullRom, 2, 1];
  // What does not divide is left over at both ends alike.
  const extra = shrink > 1 ? length * shrink - before : 0;
  return alongAxis(picture, axis, length, (at) => {
    const centre = shrink > 1 ? (at + 0.5) * shrink - extra / 2 : at * shrink;
    const first = Math.floor(centre - radius * width);
    const count = Math.ceil(centre + radius * width) - first + 1;
    const raw = Array.from({ length: count }, (_, tap) => kernel((first + tap + 0.5 - centre) / width));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return { first, weights: raw.map((weight) => weight / sum) };
  });
}

function lanczos3(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= 3) return 0;
  const angle = Math.PI * x;
  return (3 * Math.sin(angle) * Math.sin(angle / 3)) / (angle * angle);
}

function catmullRom(x: number): number {
  const d = Math.abs(x);
  if (d >= 2) return 0;
  return d < 1 ? 1.5 * d ** 3 - 2.5 * d ** 2 + 1 : -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2;
}

function cropCentre({ width, height, channels, data }: Raster, size: number): Raster {
  if (width === size && height === size) return { width, height, channels, data };
  const left = (width - size + 1) >> 1;
  const top = (height - size + 1) >> 1;
  const result = new Uint8Array(size * size * channels);
  for (let row = 0; row < size; row++) {
    const from = ((top + row) * width + left) * channels;
    result.set(data.subarray(from, from + size * channels), row * size * channels);
  }
  return { width: size, height: size, channels, data: result };
}
