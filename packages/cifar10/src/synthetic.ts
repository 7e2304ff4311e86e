import { createHash } from 'node:crypto';
import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream, streamKey, type RandomStream, type StreamKey } from '@convoy/numerics/random/stream';
import { threefry2x32 } from '@convoy/numerics/random/threefry';
import { IMAGE_BYTES, IMAGE_SHAPE, IMAGE_SIZE, type ImageDataset, type Split } from '@convoy/model/dataset';
import { coverage, FIRST_TEXTURE, SYNTHETIC_CLASS_NAMES, type Texture } from './synthetic-figures.ts';

/** Part of the fingerprint: raise it whenever an image or a label would come out differently. */
const SYNTHETIC_VERSION = 'synthetic/1';

export interface SyntheticOptions {
  /** An integer from 0 to 2^53 - 1. */
  readonly seed: number;
  readonly trainCount?: number | undefined;
  readonly testCount?: number | undefined;
}

export const SYNTHETIC_DEFAULTS = { trainCount: 50_000, testCount: 10_000 } as const;

/**
 * Ten classes of shapes and textures with random colours, place, size, tilt, brightness, background, clutter, occlusion
 * and noise: a set that a CNN learns over some hundred steps, for machines without CIFAR-10.
 *
 * Image and label are a pure function of (seed, split, index), drawn anew by every `read`: no download, no memory. Only
 * + − × ÷, comparisons, floor, sqrt, abs, min and max touch the pixels (exact in IEEE 754), so the bytes are the same
 * on every machine. Each block of ten consecutive indices holds every class once, in an order of its own.
 * @throws RangeError when the seed or a count is not a whole number in its range.
 */
export function syntheticDataset(options: SyntheticOptions): ImageDataset {
  const { seed } = options;
  const trainCount = options.trainCount ?? SYNTHETIC_DEFAULTS.trainCount;
  const testCount = options.testCount ?? SYNTHETIC_DEFAULTS.testCount;
  for (const [name, count] of Object.entries({ trainCount, testCount })) {
    if (!Number.isSafeInteger(count) || count < 1)
      throw new RangeError(`${name} must be a whole number above 0, not ${count}`);
  }
  const canvas = new Float64Array(IMAGE_BYTES);
  const grain = new Uint32Array(IMAGE_BYTES / 4);

  const read = (split: Split, index: number, target: Uint8Array, offset: number): number => {
    const count = split === 'train' ? trainCount : testCount;
    if (!Number.isInteger(index) || index < 0 || index >= count) {
      throw new RangeError(`the ${split} split has images 0 to ${count - 1}, not ${index}`);
    }
    if (offset < 0 || offset + IMAGE_BYTES > target.length) {
      throw new RangeError(`no room for ${IMAGE_BYTES} bytes at ${offset} of ${target.length}`);
    }
    const label = labelOf(seed, split, index);
    const chance = randomStream(seed, purposes.synthetic, SPLIT[split], STREAM.picture, index);
    paint(label, chance, canvas);
    drawGrain(streamKey(seed, purposes.synthetic, SPLIT[split], STREAM.grain, index), grain);
    develop(canvas, grain, chance, target, offset);
    return label;
  };

  return {
    name: 'synthetic',
    trainCount,
    testCount,
    inputShape: IMAGE_SHAPE,
    inputType: 'uint8',
    classNames: SYNTHETIC_CLASS_NAMES,
    fingerprint: fingerprint(seed, trainCount, testCount, read),
    origin: `${SYNTHETIC_CLASS_NAMES.length} classes of shapes and textures drawn from seed ${seed}`,
    read,
  };
}

/** Components of the random streams' paths: part of the images' identity. */
const SPLIT = { train: 0, test: 1 } as const;
const STREAM = { labels: 0, picture: 1, grain: 2 } as const;
const CLASS_COUNT = SYNTHETIC_CLASS_NAMES.length;
const FINGERPRINT_IMAGES = 64;

function fingerprint(seed: number, trainCount: number, testCount: number, read: ImageDataset['read']): string {
  const hash = createHash('sha256').update(
    `${SYNTHETIC_VERSION}\nseed ${seed}\ntrain ${trainCount}\ntest ${testCount}\n`,
  );
  const image = new Uint8Array(IMAGE_BYTES);
  for (const [split, count] of [
    ['train', trainCount],
    ['test', testCount],
  ] as const) {
    for (let index = 0; index < Math.min(count, FINGERPRINT_IMAGES); index++) {
      const label = read(split, index, image, 0);
      hash.update(Uint8Array.of(label)).update(image);
    }
  }
  return hash.digest('hex');
}

/** The label at `index`: its place in a shuffle of the ten classes that its block of ten indices draws. */
function labelOf(seed: number, split: Split, index: number): number {
  const block = Math.floor(index / CLASS_COUNT);
  const chance = randomStream(seed, purposes.synthetic, SPLIT[split], STREAM.labels, block);
  const order = Uint8Array.from({ length: CLASS_COUNT }, (_, label) => label);
  for (let last = CLASS_COUNT - 1; last > 0; last--) {
    const other = chance.below(last + 1);
    const label = order[last]!;
    order[last] = order[other]!;
    order[other] = label;
  }
  return order[index % CLASS_COUNT]!;
}

/** How the images vary. Lengths in pixels, colours and opacities from 0 to 1, noise in steps of 1/255. */
const VARIATION = {
  radius: [7, 13],
  /** A texture needs room for more than one period. */
  textureRadius: [11, 17],
  period: [4.5, 8],
  /** Tangent of half the largest tilt: 12 degrees. */
  tilt: 0.105,
  opacity: [0.55, 1],
  /** The least L1 distance of the figure's colour from the background's mean, of at most 3. */
  contrast: 0.65,
  /** How far the background's second colour is from the first, as a part of the way to another one. */
  gradient: 0.5,
  clutter: [0, 4],
  occlusion: 0.45,
  occluderSize: [5, 13],
  brightness: [0.6, 1.1],
  noise: [2, 40],
} as const;

/** Draws background, clutter, the figure of class `label` and perhaps an occluder. Values of `canvas` go from 0 to 1. */
function paint(label: number, chance: RandomStream, canvas: Float64Array): void {
  const mean = paintBackground(chance, canvas);
  for (let left = between(chance, VARIATION.clutter); left >= 1; left--) paintBox(chance, canvas, 2, 9);
  paintFigure(label, chance, canvas, mean);
  if (chance.unit() < VARIATION.occlusion) {
    paintBox(chance, canvas, VARIATION.occluderSize[0], VARIATION.occluderSize[1]);
  }
}

type Colour = readonly [red: number, green: number, blue: number];

/** Fills the canvas with a linear gradient between two colours and returns their mean. */
function paintBackground(chance: RandomStream, canvas: Float64Array): Colour {
  const from = colour(chance);
  const to = mixed(from, colour(chance), VARIATION.gradient);
  // Weights of the row, the column and a constant, such that the mix stays between 0 and 1.
  const across = chance.unit() * 2 - 1;
  const down = chance.unit() * 2 - 1;
  const span = Math.abs(across) + Math.abs(down) + 2 ** -24;
  const perColumn = across / span / IMAGE_SIZE;
  const perRow = down / span / IMAGE_SIZE;
  const corner = 0.5 - (perColumn + perRow) * (IMAGE_SIZE / 2);
  for (let row = 0, at = 0; row < IMAGE_SIZE; row++) {
    for (let column = 0; column < IMAGE_SIZE; column++, at += 3) {
      const mix = corner + perRow * (row + 0.5) + perColumn * (column + 0.5);
      canvas[at] = from[0] + (to[0] - from[0]) * mix;
      canvas[at + 1] = from[1] + (to[1] - from[1]) * mix;
      canvas[at + 2] = from[2] + (to[2] - from[2]) * mix;
    }
  }
  return mixed(from, to, 0.5);
}

/** Lays an upright box with sides from `least` to `most` pixels over the canvas, at a random place. */
function paintBox(chance: RandomStream, canvas: Float64Array, least: number, most: number): void {
  const [red, green, blue] = colour(chance);
  const opacity = 0.4 + 0.6 * chance.unit();
  const width = Math.floor(between(chance, [least, most + 1]));
  const height = Math.floor(between(chance, [least, most + 1]));
  const left = chance.below(IMAGE_SIZE - width + 1);
  const top = chance.below(IMAGE_SIZE - height + 1);
  for (let row = top; row < top + height; row++) {
    for (let at = (row * IMAGE_SIZE + left) * 3, end = at + width * 3; at < end; at += 3) {
      canvas[at] = canvas[at]! + (red - canvas[at]!) * opacity;
      canvas[at + 1] = canvas[at + 1]! + (green - canvas[at + 1]!) * opacity;
      canvas[at + 2] = canvas[at + 2]! + (blue - canvas[at + 2]!) * opacity;
    }
  }
}

/** Lays the figure of class `label` over the canvas: one colour, as opaque as its coverage of each pixel. */
function paintFigure(label: number, chance: RandomStream, canvas: Float64Array, background: Colour): void {
  const radius = between(chance, label < FIRST_TEXTURE ? VARIATION.radius : VARIATION.textureRadius);
  // The centre keeps most of the figure inside the image.
  const reach = Math.max(0, IMAGE_SIZE / 2 - 0.8 * radius);
  const centreX = IMAGE_SIZE / 2 + (chance.unit() * 2 - 1) * reach;
  const centreY = IMAGE_SIZE / 2 + (chance.unit() * 2 - 1) * reach;
  // A rotation without sine and cosine: its entries are rational in the tangent of half the angle.
  const tangent = (chance.unit() * 2 - 1) * VARIATION.tilt;
  const cosine = (1 - tangent * tangent) / (1 + tangent * tangent);
  const sine = (2 * tangent) / (1 + tangent * tangent);
  const texture: Texture = {
    radius,
    round: chance.unit() < 0.5,
    period: between(chance, VARIATION.period),
    phase: chance.unit(),
    rising: chance.unit() < 0.5,
  };
  const opacity = between(chance, VARIATION.opacity);
  let figureColour = colour(chance);
  for (let redraws = 0; redraws < 16 && distance(figureColour, background) < VARIATION.contrast; redraws++) {
    figureColour = colour(chance);
  }
  const [red, green, blue] = figureColour;
  const extent = 1.4 * radius + 1;
  const [top, bottom] = [Math.floor(Math.max(0, centreY - extent)), Math.min(IMAGE_SIZE, centreY + extent)];
  const [left, right] = [Math.floor(Math.max(0, centreX - extent)), Math.min(IMAGE_SIZE, centreX + extent)];
  for (let row = top; row < bottom; row++) {
    const y = row + 0.5 - centreY;
    for (let column = left, at = (row * IMAGE_SIZE + left) * 3; column < right; column++, at += 3) {
      const x = column + 0.5 - centreX;
      const cover = opacity * coverage(label, x * cosine + y * sine, y * cosine - x * sine, texture);
      if (cover <= 0) continue;
      canvas[at] = canvas[at]! + (red - canvas[at]!) * cover;
      canvas[at + 1] = canvas[at + 1]! + (green - canvas[at + 1]!) * cover;
      canvas[at + 2] = canvas[at + 2]! + (blue - canvas[at + 2]!) * cover;
    }
  }
}

/** A random byte for every channel of every pixel, four to a word, straight from the generator. */
function drawGrain({ key0, key1 }: StreamKey, grain: Uint32Array): void {
  // The same words as signed integers, which stay off the heap.
  const [signed0, signed1] = [key0 | 0, key1 | 0];
  for (let at = 0; at < grain.length; at += 2) threefry2x32(signed0, signed1, at >>> 1, 0, grain, at);
}

/** Exposes the canvas with a brightness and uniform noise of its own, and rounds to uint8 in HWC order. */
function develop(
  canvas: Float64Array,
  grain: Uint32Array,
  chance: RandomStream,
  target: Uint8Array,
  offset: number,
): void {
  const gain = 255 * between(chance, VARIATION.brightness);
  const amplitude = between(chance, VARIATION.noise);
  const perGrain = (2 * amplitude) / 255;
  // Rounding to the nearest is flooring after half a step more.
  const base = 0.5 - amplitude;
  for (let word = 0, at = 0, to = offset; word < grain.length; word++, at += 4, to += 4) {
    const bits = grain[word]!;
    target[to] = byte(canvas[at]! * gain + base + (bits & 255) * perGrain);
    target[to + 1] = byte(canvas[at + 1]! * gain + base + ((bits >>> 8) & 255) * perGrain);
    target[to + 2] = byte(canvas[at + 2]! * gain + base + ((bits >>> 16) & 255) * perGrain);
    target[to + 3] = byte(canvas[at + 3]! * gain + base + (bits >>> 24) * perGrain);
  }
}

function colour(chance: RandomStream): Colour {
  return [chance.unit(), chance.unit(), chance.unit()];
}

function mixed(one: Colour, other: Colour, part: number): Colour {
  return [
    one[0] + (other[0] - one[0]) * part,
    one[1] + (other[1] - one[1]) * part,
    one[2] + (other[2] - one[2]) * part,
  ];
}

function distance(one: Colour, other: Colour): number {
  return Math.abs(one[0] - other[0]) + Math.abs(one[1] - other[1]) + Math.abs(one[2] - other[2]);
}

function between(chance: RandomStream, [least, most]: readonly [least: number, most: number]): number {
  return least + (most - least) * chance.unit();
}

function byte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.floor(value);
}
