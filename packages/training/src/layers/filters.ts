import type { TensorTable } from '@convoy/protocol/tensor';

/** A first layer's filters as small images. */
export interface Filters {
  readonly layer: string;
  readonly width: number;
  readonly height: number;
  /** Grey, or red, green and blue. */
  readonly channels: 1 | 3;
  /** The layer's filters; the first so many are in `pixels`. */
  readonly total: number;
  readonly count: number;
  /** The weights that black and white stand for: the same for all filters. */
  readonly low: number;
  readonly high: number;
  /** uint8 of shape [count, height, width, channels]. */
  readonly pixels: Uint8Array;
}

/** More or larger ones are not looked at. */
const MOST_FILTERS = 64;
const LONGEST_SIDE = 16;

/**
 * The filters of the first convolution: what a model looks for in an image. Of an input that is neither grey nor RGB, the mean over its channels.
 * @param values the flat vector.
 * @returns null for a model that does not begin with a convolution, or one of very large filters, or when a weight is not finite.
 */
export function firstFilters(tensors: TensorTable, values: Float32Array): Filters | null {
  const kernel = tensors.find(({ name }) => name.endsWith('/kernel'));
  if (kernel?.shape.length !== 4) return null;
  const [height, width, inputs, total] = kernel.shape as [number, number, number, number];
  if (Math.max(height, width) > LONGEST_SIDE) return null;
  const count = Math.min(total, MOST_FILTERS);
  const channels = inputs === 3 ? 3 : 1;
  const weights = new Float64Array(count * height * width * channels);
  let [low, high] = [Infinity, -Infinity];
  for (let at = 0; at < weights.length; at++) {
    const channel = at % channels;
    const place = Math.floor(at / channels) % (height * width);
    const filter = Math.floor(at / (channels * height * width));
    const weightOf = (input: number) => values[kernel.offset + (place * inputs + input) * total + filter]!;
    const weight = channels === 3 ? weightOf(channel) : meanOver(inputs, weightOf);
    if (!Number.isFinite(weight)) return null;
    weights[at] = weight;
    low = Math.min(low, weight);
    high = Math.max(high, weight);
  }
  const scale = high === low ? 0 : 255 / (high - low);
  const pixels = Uint8Array.from(weights, (weight) => Math.round((weight - low) * scale));
  const layer = kernel.name.slice(0, kernel.name.lastIndexOf('/'));
  return { layer, width, height, channels, total, count, low, high, pixels };
}

function meanOver(count: number, valueOf: (index: number) => number): number {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += valueOf(index);
  return sum / count;
}
