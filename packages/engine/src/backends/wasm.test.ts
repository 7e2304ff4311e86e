import { createRequire } from 'node:module';
import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream, type RandomStream } from '@convoy/numerics/random/stream';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadWasm } from './wasm.ts';
import { registerWasmKernels, type Tf } from './wasm-kernels.ts';

/**
 * The largest difference from the JS backend, as a part of the largest value. Both round to float32 (2^-24 = 6e-8), but the JS
 * backend adds in float64 and ours in float32: over n terms rounding errors grow as √n, and no sum here has more than
 * 4,096 terms. 64 · 6e-8 = 4e-6; what is seen is below 1e-6.
 */
const TOLERANCE = 4e-6;

let tf: Tf;
/** How many listen to what becomes of errors, before and after the engine was loaded. */
const listeners: number[][] = [];
const countListeners = () =>
  listeners.push(['uncaughtException', 'unhandledRejection'].map((event) => process.listenerCount(event)));
let stream: RandomStream;

beforeAll(async () => {
  countListeners();
  tf = await loadWasm();
  countListeners();
  // tfjs then checks after every kernel that no data is left behind, and keeps its advertisement to itself.
  tf.env().set('IS_TEST', true);
});

beforeEach(() => {
  stream = randomStream(1, purposes.selfTest);
  tf.engine().startScope();
});

afterEach(() => {
  tf.engine().endScope();
});

/** Uniform in [low, high). */
function random(shape: number[], low = -1, high = 1): Tensor {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => low + (high - low) * stream.unit()),
    shape,
  );
}

/** `compute`'s results from a backend. */
async function on(backend: 'wasm' | 'cpu', compute: () => Tensor[]): Promise<Float32Array[]> {
  await tf.setBackend(backend);
  const results = tf.tidy(compute);
  const values = results.map((tensor) => tensor.dataSync<'float32'>());
  tf.dispose(results);
  await tf.setBackend('wasm');
  return values;
}

function difference(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  let scale = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]!));
    // NaN must not pass: Math.max keeps it.
    largest = Math.max(largest, Math.abs(actual[i]! - expected[i]!));
  }
  return scale === 0 ? largest : largest / scale;
}

async function expectAgreement(compute: () => Tensor[]): Promise<void> {
  const actual = await on('wasm', compute);
  const expected = await on('cpu', compute);
  expect(actual.length).toBe(expected.length);
  for (const [index, values] of actual.entries()) {
    expect(difference(values, expected[index]!), `result ${index}`).toBeLessThan(TOLERANCE);
  }
}

describe('loading', () => {
  it('the backend and tfjs share one tfjs-core', () => {
    const require = createRequire(import.meta.url);
    const cores = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm', '@tensorflow/tfjs-node'].map((name) =>
      createRequire(require.resolve(`${name}/package.json`)).resolve('@tensorflow/tfjs-core'),
    );
    expect(new Set(cores).size).toBe(1);
    expect(tf.getBackend()).toBe('wasm');
  });

  it('a second registration changes nothing', async () => {
    const warn = vi.spyOn(console, 'warn');
    onTestFinished(() => warn.mockRestore());
    const before = tf.getKernelsForBackend('wasm').map((kernel) => kernel.kernelFunc);
    registerWasmKernels(tf);
    expect(await loadWasm()).toBe(tf);
    expect(tf.getKernelsForBackend('wasm').map((kernel) => kernel.kernelFunc)).toEqual(before);
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('conv2d', () => {
  interface Case {
    batch?: number;
    size: [number, number];
    channels: [number, number];
    filter?: [number, number];
    stride?: number | [number, number];
    pad?: 'same' | 'valid' | number | [[number, number], [number, number], [number, number], [number, number]];
  }
  const cases: Case[] = [
    { size: [8, 8], channels: [3, 4], batch: 4 },
    { size: [7, 5], channels: [3, 2], batch: 1 },
    { size: [7, 5], channels: [1, 1], batch: 3 },
    { size: [9, 6], channels: [1, 5] },
    { size: [6, 9], channels: [5, 1] },
    { size: [1, 1], channels: [4, 4], batch: 5 },
    { size: [2, 1], channels: [2, 3], filter: [5, 5] },
    { size: [6, 6], channels: [2, 3], filter: [2, 4] },
    { size: [6, 6], channels: [4, 3], filter: [1, 1] },
    { size: [8, 7], channels: [3, 4], pad: 'valid' },
    { size: [3, 3], channels: [3, 4], pad: 'valid', batch: 1 },
    { size: [8, 8], channels: [3, 4], stride: 2 },
    { size: [7, 9], channels: [3, 4], stride: 2 },
    { size: [7, 9], channels: [3, 4], stride: 2, filter: [1, 1] },
    { size: [8, 7], channels: [3, 4], stride: 2, pad: 'valid' },
    { size: [9, 8], channels: [2, 3], stride: [3, 1], pad: 'valid' },
    { size: [9, 8], channels: [2, 3], stride: [1, 2], filter: [2, 3] },
    { size: [6, 6], channels: [2, 3], pad: 1 },
    { size: [6, 6], channels: [2, 3], pad: [[0, 0], [0, 2], [1, 0], [0, 0]] }, // prettier-ignore
    { size: [5, 5], channels: [2, 3], pad: 4 },
    { size: [16, 16], channels: [32, 2], batch: 9 },
    { size: [64, 64], channels: [16, 1], batch: 1 },
  ];

  it.each(cases)('agrees with the JS backend in value and gradients: %j', async (given) => {
    const { batch = 2, size, channels, filter = [3, 3], stride = 1, pad = 'same' } = given;
    const x = random([batch, ...size, channels[0]]);
    const filter_KKIO = random([...filter, ...channels]);
    const convolve = (x: Tensor, f: Tensor) => tf.conv2d(x as Tensor4D, f as Tensor4D, stride, pad as 'same');
    const dy = tf.tidy(() => random(convolve(x, filter_KKIO).shape));
    await expectAgreement(() => [convolve(x, filter_KKIO), ...tf.grads(convolve)([x, filter_KKIO], dy)]);
  });

  it('its gradients are what finite differences give', () => {
    const x = random([3, 7, 6, 2]);
    const filter_KKIO = random([3, 3, 2, 3]);
    const convolve = (x: Tensor, f: Tensor) => tf.conv2d(x as Tensor4D, f as Tensor4D, 1, 'same');
    const dy = random([3, 7, 6, 3]);
    const gradients = tf.grads(convolve)([x, filter_KKIO], dy);
    // A convolution is linear in either argument: a step of 1 has no truncation error, only the rounding of two sums.
    const loss = (x: Tensor, f: Tensor) => tf.tidy(() => convolve(x, f).mul(dy).sum().dataSync()[0]!);
    const numeric = [x, filter_KKIO].map((argument, which) => {
      const values = argument.dataSync<'float32'>();
      return values.map((value, i) => {
        const at = (shifted: number) => {
          const moved = tf.tensor(values.with(i, shifted), argument.shape);
          const result = which === 0 ? loss(moved, filter_KKIO) : loss(x, moved);
          moved.dispose();
          return result;
        };
        return (at(value + 1) - at(value - 1)) / 2;
      });
    });
    for (const [which, gradient] of gradients.entries()) {
      // Ten times the tolerance: the losses that are subtracted are about ten times the gradients.
      expect(difference(gradient.dataSync<'float32'>(), numeric[which]!)).toBeLessThan(10 * TOLERANCE);
    }
  });
});

it('leaves to the program what becomes of its errors', () => {
  expect(listeners[1]).toEqual(listeners[0]);
});

describe('max pooling', () => {
  const cases: { size: [number, number]; window: number; stride: number; pad: 'same' | 'valid'; channels?: number }[] =
    [
      { size: [8, 8], window: 2, stride: 2, pad: 'same' },
      { size: [7, 5], window: 2, stride: 2, pad: 'same' },
      { size: [7, 5], window: 2, stride: 2, pad: 'valid' },
      { size: [7, 8], window: 3, stride: 2, pad: 'same' },
      { size: [6, 6], window: 3, stride: 1, pad: 'valid', channels: 1 },
      { size: [5, 5], window: 1, stride: 2, pad: 'same' },
    ];

  describe.each([
    ['of both signs', -1, 1],
    ['all negative', -2, -1],
  ])('of values %s', (_, low, high) => {
    it.each(cases)('agrees with the JS backend in value and gradient: %j', async (given) => {
      const { size, window, stride, pad, channels = 5 } = given;
      const x = random([3, ...size, channels], low, high) as Tensor4D;
      const pool = (x: Tensor) => tf.maxPool(x as Tensor4D, window, stride, pad);
      const dy = tf.tidy(() => random(pool(x).shape));
      await expectAgreement(() => [pool(x), tf.grad(pool)(x, dy)]);
    });
  });

  it('credits the first of equal maxima, zeros and negatives alike', () => {
    const windows = [
      [0, 0, 0, 0],
      [-3, -1, -1, -2],
      [5, 5, 5, 5],
    ];
    const x_HWC = tf.tensor4d(windows.flat(), [3, 2, 2, 1]);
    const dy = tf.tensor4d([1, 2, 3], [3, 1, 1, 1]);
    const dx = tf.grad((x: Tensor) => tf.maxPool(x as Tensor4D, 2, 2, 'same'))(x_HWC, dy);
    expect([...dx.dataSync()]).toEqual([1, 0, 0, 0, 0, 2, 0, 0, 3, 0, 0, 0]);
  });
});

describe('matrix products', () => {
  // [outer of a, inner, outer of b]: either operand the larger, and vectors.
  const sizes = [[5, 7, 3], [2, 9, 40], [40, 9, 2], [1, 6, 1], [6, 1, 4], [1, 1, 1]]; // prettier-ignore
  const flags = [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const;

  it.each(sizes.flatMap((size) => flags.map((flag) => [size, ...flag] as const)))(
    'agree with the JS backend: %j, transposed %s and %s',
    async ([m, k, n], transposeA, transposeB) => {
      const a = random(transposeA ? [k!, m!] : [m!, k!]);
      const b = random(transposeB ? [n!, k!] : [k!, n!]);
      const multiply = (a: Tensor, b: Tensor) => tf.matMul(a, b, transposeA, transposeB);
      const dy = random([m!, n!]);
      await expectAgreement(() => [multiply(a, b), ...tf.grads(multiply)([a, b], dy)]);
    },
  );

  it.each(flags)('agree with the JS backend in batches, transposed %s and %s', async (transposeA, transposeB) => {
    const a = random(transposeA ? [3, 4, 2] : [3, 2, 4]);
    const b = random(transposeB ? [3, 5, 4] : [3, 4, 5]);
    await expectAgreement(() => [tf.matMul(a, b, transposeA, transposeB)]);
  });

  it('take a right operand in the shape it has now, not the one it was first used in', () => {
    const w = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
    expect([...tf.matMul(tf.ones([1, 2]), w).dataSync()]).toEqual([5, 7, 9]);
    expect([...tf.matMul(tf.ones([1, 3]), w.reshape([3, 2])).dataSync()]).toEqual([9, 12]);
    expect([...tf.matMul(tf.ones([1, 2]), w).dataSync()]).toEqual([5, 7, 9]);
  });
});

describe('a small network', () => {
  /** Gradients of the mean cross-entropy of two convolutions, pool, a third, pool, a dropout mask and two dense layers. */
  function gradientsOfNetwork(batch: number): () => Tensor[] {
    const shapes = [[3, 3, 3, 4], [4], [3, 3, 4, 4], [4], [3, 3, 4, 6], [6], [24, 9], [9], [9, 5], [5]];
    const parameters = shapes.map((shape) => random(shape, -0.5, 0.5));
    const images_NHWC = random([batch, 7, 7, 3]) as Tensor4D;
    const mask_NC = tf.mul(random([batch, 24]).greater(-0.5).toFloat(), 4 / 3);
    const labels_NC = tf.oneHot([0, 3, 1, 4, 4].slice(0, batch), 5).toFloat();
    const loss = (...p: Tensor[]) => {
      const conv = (x: Tensor4D, at: number) =>
        tf.relu(tf.add<Tensor4D>(tf.conv2d(x, p[at] as Tensor4D, 1, 'same'), p[at + 1]!));
      const pooled = tf.maxPool(conv(conv(images_NHWC, 0), 2), 2, 2, 'same');
      const features_NHWC = tf.maxPool(conv(pooled, 4), 2, 2, 'same');
      const hidden = features_NHWC.reshape([batch, 24]).mul(mask_NC).matMul(p[6]!).add(p[7]!).relu();
      const logits_NC = hidden.matMul(p[8]!).add(p[9]!);
      return tf.logSoftmax(logits_NC).mul(labels_NC).sum(-1).mean().neg();
    };
    return () => tf.grads(loss)(parameters);
  }

  it.each([1, 5])('has the gradients of the JS backend at batch size %i', async (batch) => {
    await expectAgreement(gradientsOfNetwork(batch));
  });

  it('leaves nothing behind in 50 gradients: no tensor, no data, no growth of the heap', () => {
    const gradients = gradientsOfNetwork(5);
    const backend = tf.backend() as BackendWasm;
    const runtime = backend.wasm as unknown as { HEAPU8: Uint8Array };
    const inUse = () => ({ ...tf.memory(), ids: backend.numDataIds(), heap: runtime.HEAPU8.length });
    tf.dispose(gradients());
    const before = inUse();
    for (let call = 0; call < 50; call++) tf.dispose(gradients());
    expect(inUse()).toEqual(before);
  });
});
