import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream } from '@convoy/numerics/random/stream';
import { placeArchitecture, type Model } from '@convoy/model/architecture';
import { EagerProgram } from './eager-program.ts';
import type { Engine, Tf } from './backends/engine.ts';
import { composedKernels } from './backends/composed-kernels.ts';
import { initialValues } from '@convoy/model/initial-values';
import type { Layer } from '@convoy/model/layers';
import type { Batch, BatchSums } from './program.ts';

/** The same kinds of layers as the lesson's CNN, small enough for finite differences and for the plain JS backend. */
export const small = placeArchitecture([
  { type: 'input', name: 'in', shape: [8, 8, 3] },
  { type: 'conv2d', name: 'c1', filters: 4, kernelSize: 3, activation: 'relu' },
  { type: 'conv2d', name: 'c2', filters: 6, kernelSize: 3, activation: 'linear' },
  { type: 'activation', name: 'relu', activation: 'relu' },
  { type: 'max-pooling2d', name: 'pool', poolSize: 2 },
  { type: 'flatten', name: 'flat' },
  { type: 'dropout', name: 'drop', rate: 0.5 },
  { type: 'dense', name: 'd1', units: 10, activation: 'relu' },
  { type: 'dense', name: 'out', units: 5, activation: 'softmax' },
]);

/** The kinds of layers of `lesson-bn`. */
export const smallNormalised = placeArchitecture([
  { type: 'input', name: 'in', shape: [8, 8, 3] },
  ...normalisedConvolution('1', 4),
  { type: 'max-pooling2d', name: 'pool', poolSize: 2 },
  ...normalisedConvolution('2', 6),
  { type: 'global-average-pooling2d', name: 'average' },
  { type: 'dense', name: 'd1', units: 10, activation: 'relu' },
  { type: 'dropout', name: 'drop', rate: 0.5 },
  { type: 'dense', name: 'out', units: 5, activation: 'softmax' },
]);

/** Those of `resnet`. */
export const smallResidual = placeArchitecture([
  { type: 'input', name: 'in', shape: [8, 8, 3] },
  { type: 'conv2d', name: 'c0', filters: 6, kernelSize: 3, activation: 'linear', useBias: false },
  { type: 'max-pooling2d', name: 'pool', poolSize: 2 },
  { type: 'batch-normalization', name: 'n0', momentum: 0.9, epsilon: 1e-3 },
  { type: 'activation', name: 'r0', activation: 'relu' },
  ...normalisedConvolution('1', 6),
  ...normalisedConvolution('2', 6),
  { type: 'add', name: 'sum', with: 'r0' },
  { type: 'global-average-pooling2d', name: 'average' },
  { type: 'rescaling', name: 'scaled', scale: 0.25 },
  { type: 'dense', name: 'out', units: 5, activation: 'softmax' },
]);

/** What workloads may have and the models that Convoy brings have not: strides, no padding, means of windows, smooth activations, masks of images. */
export const smallStrided = placeArchitecture([
  { type: 'input', name: 'in', shape: [9, 7, 1] },
  { type: 'conv2d', name: 'c1', filters: 4, kernelSize: 3, activation: 'sigmoid', padding: 'valid' },
  { type: 'dropout', name: 'drop', rate: 0.3 },
  { type: 'conv2d', name: 'c2', filters: 6, kernelSize: 3, activation: 'tanh', strides: 2 },
  { type: 'average-pooling2d', name: 'pool', poolSize: 2 },
  { type: 'flatten', name: 'flat' },
  { type: 'dense', name: 'd1', units: 8, activation: 'tanh', useBias: false },
  { type: 'activation', name: 'a1', activation: 'sigmoid' },
  { type: 'dense', name: 'out', units: 5, activation: 'softmax' },
]);

/** The Gaussian error linear unit in every place where an activation may stand, and behind a maximum. */
export const smallGelu = placeArchitecture([
  { type: 'input', name: 'in', shape: [8, 8, 2] },
  { type: 'conv2d', name: 'c1', filters: 4, kernelSize: 3, activation: 'gelu' },
  { type: 'max-pooling2d', name: 'pool', poolSize: 2 },
  { type: 'conv2d', name: 'c2', filters: 4, kernelSize: 3 },
  { type: 'activation', name: 'a2', activation: 'gelu' },
  { type: 'flatten', name: 'flat' },
  { type: 'dense', name: 'd1', units: 8, activation: 'gelu' },
  { type: 'dense', name: 'out', units: 5, activation: 'softmax' },
]);

/** Floats in, two values out. */
export const smallRegression = placeArchitecture(
  [
    { type: 'input', name: 'in', shape: [6], dtype: 'float32' },
    { type: 'dense', name: 'd1', units: 12, activation: 'tanh' },
    { type: 'dropout', name: 'drop', rate: 0.2 },
    { type: 'dense', name: 'd2', units: 8, activation: 'relu' },
    { type: 'dense', name: 'out', units: 2, activation: 'linear' },
  ],
  'meanSquaredError',
);

function normalisedConvolution(id: string, filters: number): Layer[] {
  return [
    { type: 'conv2d', name: `c${id}`, filters, kernelSize: 3, activation: 'linear', useBias: false },
    { type: 'batch-normalization', name: `n${id}`, momentum: 0.9, epsilon: 1e-3 },
    { type: 'activation', name: `r${id}`, activation: 'relu' },
  ];
}

export function batchFor(model: Model, samples: number): Batch {
  const random = randomStream(11, purposes.selfTest);
  const { input, outputs, loss } = model;
  const length = samples * input.size;
  const inputs =
    input.type === 'uint8'
      ? Uint8Array.from({ length }, () => random.below(256))
      : Float32Array.from({ length }, () => 2 * random.unit() - 1);
  return loss === 'meanSquaredError'
    ? {
        inputs,
        labels: new Int32Array(0),
        targets: Float32Array.from({ length: samples * outputs }, () => random.unit()),
      }
    : { inputs, labels: Int32Array.from({ length: samples }, () => random.below(outputs)) };
}

export const draw = (samples: number) => ({ seed: 3, epoch: 1, positions: { start: 40, end: 40 + samples } });

export function gradientOn(engine: Engine, model: Model, samples: number): { gradient: Float32Array; sums: BatchSums } {
  const program = new EagerProgram(engine, model);
  const gradient = new Float32Array(model.parameterCount);
  program.setParameters(initialValues(model, 5));
  const sums = program.gradient(batchFor(model, samples), draw(samples), gradient);
  program.dispose();
  return { gradient, sums };
}

/** max |a − b| / max |b|. */
export function relativeError(a: Float32Array, b: Float32Array): number {
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0) / largest;
}

/**
 * {@link gradientOn} the plain JavaScript backend, two samples: slow, independent of the engines, and here as a reference only.
 * An engine has replaced the stock gradient of relu in the registry that all backends share: it steps aside meanwhile.
 */
export async function gradientOnJavaScript(tf: Tf, model: Model): Promise<{ gradient: Float32Array; sums: BatchSums }> {
  const backend = tf.getBackend();
  const replaced = tf.getGradient('Relu');
  tf.unregisterGradient('Relu');
  tf.registerGradient({
    kernelName: 'Relu',
    inputsToSave: ['x'],
    gradFunc: (dy, saved) => ({ x: () => tf.mul(dy as never, tf.cast(tf.step(saved[0]!), 'float32')) }),
  });
  await tf.setBackend('cpu');
  try {
    return gradientOn({ name: 'wasm', version: '', threads: 1, tf, kernels: composedKernels(tf) }, model, 2);
  } finally {
    await tf.setBackend(backend);
    tf.unregisterGradient('Relu');
    tf.registerGradient(replaced!);
  }
}

/**
 * The same of the lesson's CNN, one sample. It takes the JavaScript backend so long that it gets a process of its own: Vitest
 * gives up one that does not answer it for a minute.
 */
export async function lessonGradientOnJavaScript(): Promise<{ gradient: Float32Array; sums: BatchSums }> {
  const program = fileURLToPath(new URL('./lesson-gradient.fixture.ts', import.meta.url));
  const child = fork(program, { execArgv: ['--import', 'tsx'], serialization: 'advanced' });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${program} ended (${code}) without a gradient`);
  });
  const [result] = (await Promise.race([once(child, 'message'), ended])) as [
    Awaited<ReturnType<typeof lessonGradientOnJavaScript>>,
  ];
  return result;
}
