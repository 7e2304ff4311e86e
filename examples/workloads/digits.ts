// npx convoy train --workload examples/workloads/digits.ts --workers 2
//
// Handwriting of a kind, drawn here: 28 × 28 grey pixels, ten classes, a model of TensorFlow.js.
import { defineWorkload } from 'tfjs-convoy';
import * as tf from '@tensorflow/tfjs';

const SIZE = 28;

export default defineWorkload({
  name: 'digits',
  inputType: 'uint8',
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [SIZE, SIZE, 1], filters: 8, kernelSize: 5, activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.conv2d({ filters: 16, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' }),
        tf.layers.dropout({ rate: 0.1 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 10, activation: 'softmax' }),
      ],
    }),
  dataset: () => ({
    trainCount: 4_000,
    testCount: 1_000,
    classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    origin: 'digits that digits.ts draws',
    read(split, index, pixels) {
      const random = numbers(split === 'train' ? index : 1_000_000 + index);
      const label = Math.floor(10 * random());
      draw(STROKES[label]!, random, pixels);
      return label;
    },
  }),
  settings: { epochs: 4, globalBatchSize: 64, optimizer: { learningRate: 0.003 } },
});

type Point = readonly [x: number, y: number];

/** A digit's strokes as corners, in a square from (0, 0) at the upper left to (1, 1). */
const STROKES: readonly (readonly (readonly Point[])[])[] = [
  [[[0.5, 0], [0.15, 0.2], [0.1, 0.8], [0.5, 1], [0.85, 0.8], [0.9, 0.2], [0.5, 0]]], // prettier-ignore
  [[[0.3, 0.2], [0.55, 0], [0.55, 1]]], // prettier-ignore
  [[[0.1, 0.25], [0.4, 0], [0.85, 0.2], [0.7, 0.5], [0.1, 1], [0.9, 1]]], // prettier-ignore
  [[[0.1, 0.1], [0.6, 0], [0.85, 0.25], [0.4, 0.48], [0.9, 0.7], [0.6, 1], [0.1, 0.9]]], // prettier-ignore
  [[[0.7, 1], [0.7, 0], [0.1, 0.7], [0.95, 0.7]]], // prettier-ignore
  [[[0.85, 0], [0.2, 0], [0.15, 0.45], [0.6, 0.4], [0.9, 0.7], [0.55, 1], [0.1, 0.9]]], // prettier-ignore
  [[[0.75, 0], [0.2, 0.45], [0.1, 0.8], [0.5, 1], [0.85, 0.75], [0.55, 0.5], [0.15, 0.7]]], // prettier-ignore
  [[[0.1, 0], [0.9, 0], [0.4, 1]], [[0.3, 0.5], [0.8, 0.5]]], // prettier-ignore
  [[[0.5, 0.47], [0.2, 0.25], [0.5, 0], [0.8, 0.25], [0.5, 0.47], [0.1, 0.75], [0.5, 1], [0.9, 0.75], [0.5, 0.47]]], // prettier-ignore
  [[[0.85, 0.3], [0.5, 0.5], [0.15, 0.25], [0.5, 0], [0.85, 0.3], [0.75, 1]]], // prettier-ignore
];

/**
 * Nothing but + − × ÷ and the square root touches a pixel: those have the same bits on every machine, and so has what is trained
 * on them.
 */
function draw(strokes: readonly (readonly Point[])[], random: () => number, pixels: { [at: number]: number }): void {
  const between = (least: number, most: number) => least + (most - least) * random();
  const [width, height] = [between(9, 15), between(15, 21)];
  const [left, top] = [between(2, SIZE - 2 - width), between(2, SIZE - 2 - height)];
  const [slant, tilt, radius] = [between(-0.25, 0.25), between(-0.15, 0.15), between(0.8, 1.6)];
  const shaken = strokes.map((stroke) =>
    stroke.map(([x, y]): Point => {
      const [u, v] = [x + between(-0.06, 0.06), y + between(-0.06, 0.06)];
      return [left + width * (u + slant * (0.5 - v)), top + height * (v + tilt * (u - 0.5))];
    }),
  );
  for (let row = 0; row < SIZE; row++) {
    for (let column = 0; column < SIZE; column++) {
      const ink = Math.min(1, Math.max(0, radius + 0.5 - distance([column + 0.5, row + 0.5], shaken)));
      pixels[row * SIZE + column] = Math.min(255, Math.floor(ink * 220 + 35 * random()));
    }
  }
}

/** From a point to the nearest of the lines. */
function distance([x, y]: Point, strokes: readonly (readonly Point[])[]): number {
  let least = Infinity;
  for (const stroke of strokes) {
    for (let corner = 1; corner < stroke.length; corner++) {
      const [[fromX, fromY], [toX, toY]] = [stroke[corner - 1]!, stroke[corner]!];
      const [alongX, alongY] = [toX - fromX, toY - fromY];
      const along = ((x - fromX) * alongX + (y - fromY) * alongY) / (alongX * alongX + alongY * alongY);
      const part = Math.min(1, Math.max(0, along));
      const [offX, offY] = [x - fromX - part * alongX, y - fromY - part * alongY];
      least = Math.min(least, offX * offX + offY * offY);
    }
  }
  return Math.sqrt(least);
}

/** Numbers from 0 to 1 that depend on the sample alone: Marsaglia's xorshift (2003) of 32 bits, begun at a mixed-up index. */
function numbers(index: number): () => number {
  let state = (Math.imul(index + 1, 0x9e3779b1) ^ 0x5bd1e995) | 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let n = 0; n < 8; n++) next();
  return next;
}
