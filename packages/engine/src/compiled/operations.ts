import { outputOf, type Attribute, type Output } from './graph.ts';
import type { Tape } from './tape.ts';

// The differentiable operations: each writes its forward node and records what writes its backward ones.
// The gradients are the ones of tensorflow/python/ops/{nn_grad,math_grad,array_grad}.py.

const T: Readonly<Record<'T', Attribute>> = { T: { type: 'float32' } };

/**
 * Bytes / divisor as float32, rounded once. The divisor [] must be fed: TensorFlow turns a division by a constant into a
 * product with its reciprocal, which for 126 of the 256 bytes / 255 has other bits. Not differentiable, so not recorded.
 */
export function divideBytes({ graph }: Tape, bytes: Output, divisor: Output): Output {
  const floats = graph.add('Cast', [bytes], { SrcT: { type: 'uint8' }, DstT: { type: 'float32' } });
  return graph.add('RealDiv', [floats, divisor], T);
}

export interface ConvolutionOptions {
  /** The kernel's. */
  readonly shape: readonly number[];
  /** In both directions. */
  readonly strides: number;
  readonly padding: 'same' | 'valid';
}

/** x [N, H, W, C], kernel [h, w, C, F] → [N, H', W', F]. */
export function conv2d(
  tape: Tape,
  x_NHWC: Output,
  kernel_HWIO: Output,
  { shape: kernelShape, strides, padding }: ConvolutionOptions,
): Output {
  const { graph } = tape;
  const attributes = {
    ...T,
    strides: { ints: [1, strides, strides, 1] },
    padding: { string: padding.toUpperCase() },
  };
  const y = graph.add('Conv2D', [x_NHWC, kernel_HWIO], attributes);
  return tape.record(y, [x_NHWC, kernel_HWIO], (slope) => [
    () => graph.add('Conv2DBackpropInput', [shapeOf(tape, x_NHWC), kernel_HWIO, slope], attributes),
    () => graph.add('Conv2DBackpropFilter', [x_NHWC, graph.integers(kernelShape), slope], attributes),
  ]);
}

/** x [..., C] + bias [C]. */
export function biasAdd(tape: Tape, x: Output, bias_C: Output): Output {
  const y = tape.graph.add('BiasAdd', [x, bias_C], T);
  return tape.record(y, [x, bias_C], (slope) => [() => slope, () => tape.graph.add('BiasAddGrad', [slope], T)]);
}

/** Of equal shapes. */
export function add(tape: Tape, x: Output, y: Output): Output {
  const sum = tape.graph.add('AddV2', [x, y], T);
  return tape.record(sum, [x, y], (slope) => [() => slope, () => slope]);
}

/** A batch's mean and variance per channel: the variance with Bessel's correction. */
export interface StatisticsOutputs {
  readonly mean_C: Output;
  readonly variance_C: Output;
}

/** Normalises each channel of x [N, H, W, C] with the batch's own mean and variance. */
export function normaliseBatch(
  tape: Tape,
  x_NHWC: Output,
  gamma_C: Output,
  beta_C: Output,
  epsilon: number,
): StatisticsOutputs & { readonly y: Output } {
  const { graph } = tape;
  const attributes = normalisation(epsilon, true);
  const none = graph.float();
  const y = graph.add('FusedBatchNormV3', [x_NHWC, gamma_C, beta_C, none, none], attributes);
  const reserved = [3, 4, 5].map((index) => outputOf(y, index));
  tape.record(y, [x_NHWC, gamma_C, beta_C], (slope) => {
    // One node has all three slopes; whichever is asked for first adds it.
    let slopes: Output | null = null;
    return [0, 1, 2].map((index) => () => {
      slopes ??= graph.add('FusedBatchNormGradV3', [slope, x_NHWC, gamma_C, ...reserved], attributes);
      return outputOf(slopes, index);
    });
  });
  return { y, mean_C: outputOf(y, 1), variance_C: outputOf(y, 2) };
}

/** Normalises with statistics that are given, as in inference; not differentiable, so not recorded. */
export function normalise(
  { graph }: Tape,
  x_NHWC: Output,
  [gamma_C, beta_C, mean_C, variance_C]: readonly [Output, Output, Output, Output],
  epsilon: number,
): Output {
  const inputs = [x_NHWC, gamma_C, beta_C, mean_C, variance_C];
  return graph.add('FusedBatchNormV3', inputs, normalisation(epsilon, false));
}

function normalisation(epsilon: number, isTraining: boolean): Record<string, Attribute> {
  return {
    ...T,
    U: { type: 'float32' },
    epsilon: { float: epsilon },
    data_format: { string: 'NHWC' },
    is_training: { bool: isTraining },
  };
}

export function relu(tape: Tape, x: Output): Output {
  const y = tape.graph.add('Relu', [x], T);
  // The slope depends on the result alone, which is positive where the input is: the input needn't be kept.
  return tape.record(y, [x], (slope) => [() => tape.graph.add('ReluGrad', [slope, y], T)]);
}

export function sigmoid(tape: Tape, x: Output): Output {
  const y = tape.graph.add('Sigmoid', [x], T);
  return tape.record(y, [x], (slope) => [() => tape.graph.add('SigmoidGrad', [y, slope], T)]);
}

export function tanh(tape: Tape, x: Output): Output {
  const y = tape.graph.add('Tanh', [x], T);
  return tape.record(y, [x], (slope) => [() => tape.graph.add('TanhGrad', [y, slope], T)]);
}

/**
 * x · Φ(x), with the normal distribution's Φ itself and not the approximation by tanh, as Keras's default (Hendrycks and
 * Gimpel, "Gaussian error linear units", 2016). Its slope is Φ(x) + x · φ(x).
 */
export function gelu(tape: Tape, x: Output): Output {
  const { graph } = tape;
  const times = (a: Output, b: Output) => graph.add('Mul', [a, b], T);
  const erf = graph.add('Erf', [times(x, graph.float(Math.SQRT1_2))], T);
  const share = times(graph.add('AddV2', [erf, graph.float(1)], T), graph.float(0.5));
  return tape.record(times(x, share), [x], (slope) => [
    () => {
      const density = graph.add('Exp', [times(graph.add('Square', [x], T), graph.float(-0.5))], T);
      const rise = times(x, times(density, graph.float(1 / Math.sqrt(2 * Math.PI))));
      return times(slope, graph.add('AddV2', [share, rise], T));
    },
  ]);
}

/** Of windows of `size` · `size` that don't overlap, without padding. */
function windowsOf(size: number): Readonly<Record<string, Attribute>> {
  const window = { ints: [1, size, size, 1] };
  return { ...T, ksize: window, strides: window, padding: { string: 'VALID' } };
}

/** The greatest of each window. x [N, H, W, C] → [N, ⌊H/size⌋, ⌊W/size⌋, C]. */
export function maxPool(tape: Tape, x_NHWC: Output, size: number): Output {
  const attributes = windowsOf(size);
  const y = tape.graph.add('MaxPool', [x_NHWC], attributes);
  return tape.record(y, [x_NHWC], (slope) => [() => tape.graph.add('MaxPoolGrad', [x_NHWC, y, slope], attributes)]);
}

/** The mean of each window. x [N, H, W, C] → [N, ⌊H/size⌋, ⌊W/size⌋, C]. */
export function averagePool(tape: Tape, x_NHWC: Output, size: number): Output {
  const attributes = windowsOf(size);
  const y = tape.graph.add('AvgPool', [x_NHWC], attributes);
  return tape.record(y, [x_NHWC], (slope) => [
    () => tape.graph.add('AvgPoolGrad', [shapeOf(tape, x_NHWC), slope], attributes),
  ]);
}

/** x [N, H, W, C] → [N, C], each the mean of `area` = H · W values. */
export function average(tape: Tape, x_NHWC: Output, area: number): Output {
  const { graph } = tape;
  const attributes = { ...T, Tidx: { type: 'int32' }, keep_dims: { bool: false } } as const;
  const y = graph.add('Mean', [x_NHWC, graph.integers([1, 2])], attributes);
  return tape.record(y, [x_NHWC], (slope) => [
    () => {
      const share = graph.add('Mul', [slope, graph.float(1 / area)], T);
      const share_N11C = graph.add('ExpandDims', [share, graph.integers([1])], { ...T, Tdim: { type: 'int32' } });
      const spread = graph.add('ExpandDims', [share_N11C, graph.integers([1])], { ...T, Tdim: { type: 'int32' } });
      return graph.add('BroadcastTo', [spread, shapeOf(tape, x_NHWC)], { ...T, Tidx: { type: 'int32' } });
    },
  ]);
}

/** x [N, ...] → [N, length]. */
export function flatten(tape: Tape, x: Output, length: number): Output {
  const y = reshape(tape, x, tape.graph.integers([-1, length]));
  return tape.record(y, [x], (slope) => [() => reshape(tape, slope, shapeOf(tape, x))]);
}

/** x · factor, element by element, of equal shapes or by a scalar. The factor is given, not learned. */
export function scale(tape: Tape, x: Output, factor: Output): Output {
  const y = tape.graph.add('Mul', [x, factor], T);
  return tape.record(y, [x], (slope) => [() => tape.graph.add('Mul', [slope, factor], T)]);
}

/** x [N, I] · weights [I, O] → [N, O]. */
export function matMul(tape: Tape, x_NI: Output, weights_IO: Output): Output {
  const { graph } = tape;
  const product = (a: Output, b: Output, transpose: { a?: boolean; b?: boolean } = {}) =>
    graph.add('MatMul', [a, b], {
      ...T,
      transpose_a: { bool: transpose.a ?? false },
      transpose_b: { bool: transpose.b ?? false },
    });
  return tape.record(product(x_NI, weights_IO), [x_NI, weights_IO], (slope) => [
    () => product(slope, weights_IO, { b: true }),
    () => product(x_NI, slope, { a: true }),
  ]);
}

/**
 * Softmax cross-entropy of integer labels.
 * @returns each sample's loss (nats) [N], and the slope of their sum with respect to the logits [N, C]: where the
 *   backward pass starts.
 */
export function crossEntropy(tape: Tape, logits_NC: Output, labels_N: Output): { losses_N: Output; slope_NC: Output } {
  const attributes: Record<string, Attribute> = { ...T, Tlabels: { type: 'int32' } };
  const losses_N = tape.graph.add('SparseSoftmaxCrossEntropyWithLogits', [logits_NC, labels_N], attributes);
  return { losses_N, slope_NC: outputOf(losses_N, 1) };
}

/** {@link crossEntropy} with the probabilities [N, C] that are expected of the classes. */
export function softCrossEntropy(
  tape: Tape,
  logits_NC: Output,
  targets_NC: Output,
): { losses_N: Output; slope_NC: Output } {
  const losses_N = tape.graph.add('SoftmaxCrossEntropyWithLogits', [logits_NC, targets_NC], T);
  return { losses_N, slope_NC: outputOf(losses_N, 1) };
}

/**
 * Squared errors, the mean over a sample's outputs.
 * @returns as {@link crossEntropy}: each sample's loss [N], and the slope of their sum with respect to the values [N, O].
 */
export function squaredError(
  { graph }: Tape,
  values_NO: Output,
  targets_NO: Output,
  outputs: number,
): { losses_N: Output; slope_NO: Output } {
  const errors_NO = graph.add('Sub', [values_NO, targets_NO], T);
  const squares_NO = graph.add('Square', [errors_NO], T);
  const mean = { ...T, Tidx: { type: 'int32' }, keep_dims: { bool: false } } as const;
  const losses_N = graph.add('Mean', [squares_NO, graph.integers([1])], mean);
  return { losses_N, slope_NO: graph.add('Mul', [errors_NO, graph.float(2 / outputs)], T) };
}

/** Not differentiable, so not recorded: a view of the same values. */
export function reshape({ graph }: Tape, x: Output, shape: Output): Output {
  return graph.add('Reshape', [x, shape], { ...T, Tshape: { type: 'int32' } });
}

function shapeOf({ graph }: Tape, x: Output): Output {
  return graph.add('Shape', [x], { ...T, out_type: { type: 'int32' } });
}
