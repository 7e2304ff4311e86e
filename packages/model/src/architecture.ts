import { createHash } from 'node:crypto';
import type { TensorEntry, TensorTable } from '@convoy/protocol/tensor';
import type { Loss } from './loss.ts';

/**
 * A layer as data. Names and options are Keras's. A layer takes the output of the one before it; `add` takes another's too, which
 * makes the branches of a residual network.
 */
export type Layer =
  | {
      readonly type: 'input';
      readonly name: string;
      /** Of one sample: [height, width, channels], or [values]. */
      readonly shape: readonly number[];
      /** Samples are float32 values as they are; without it, bytes that the engine divides by 255. */
      readonly dtype?: 'float32';
    }
  | {
      readonly type: 'conv2d';
      readonly name: string;
      readonly filters: number;
      /** Height and width. */
      readonly kernelSize: number;
      readonly activation: Activation;
      /** False where a normalisation follows, which would take the bias out again. */
      readonly useBias?: false;
      /** In both directions; absent: 1. */
      readonly strides?: number;
      /** Absent: `same`, with zeros around the input. */
      readonly padding?: 'valid';
    }
  | {
      readonly type: 'batch-normalization';
      readonly name: string;
      /** Share of a moving statistic that a step keeps. */
      readonly momentum: number;
      readonly epsilon: number;
    }
  /** Its input plus the output of the layer that `with` names, of the same shape. */
  | { readonly type: 'add'; readonly name: string; readonly with: string }
  | { readonly type: 'activation'; readonly name: string; readonly activation: NonLinearity }
  | {
      readonly type: 'max-pooling2d' | 'average-pooling2d';
      readonly name: string;
      /** Height and width of the windows, which don't overlap: what is left over at the edges is not looked at. */
      readonly poolSize: number;
    }
  | { readonly type: 'global-average-pooling2d'; readonly name: string }
  | { readonly type: 'flatten'; readonly name: string }
  /** Multiplies by a factor that is not learned. */
  | { readonly type: 'rescaling'; readonly name: string; readonly scale: number }
  | { readonly type: 'dropout'; readonly name: string; readonly rate: number }
  | {
      readonly type: 'dense';
      readonly name: string;
      readonly units: number;
      /** `softmax` in the last layer of a classification, and nowhere else. */
      readonly activation: Activation | 'softmax';
      readonly useBias?: false;
    };

export const NON_LINEARITIES = ['relu', 'sigmoid', 'tanh'] as const;
export type NonLinearity = (typeof NON_LINEARITIES)[number];
export type Activation = NonLinearity | 'linear';

export type Architecture = readonly Layer[];

/** A layer with what follows from the layers before it. */
export interface PlacedLayer {
  readonly layer: Layer;
  /** Without the batch dimension. */
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly parameters: readonly TensorEntry[];
  /** The places of `parameters` in the model's table. */
  readonly indices: readonly number[];
}

/** An architecture with its shapes and the layout of its flat parameter vector: what is trained first, then the statistics. */
export interface Model {
  readonly layers: readonly PlacedLayer[];
  readonly tensors: TensorTable;
  /** Length of the flat vector, moving statistics included. */
  readonly parameterCount: number;
  /** Length of its head, which the optimizer works on; the tail is the moving statistics. */
  readonly trainableCount: number;
  readonly input: ModelInput;
  readonly loss: Loss;
  /** What a sample's output is: the number of classes, or of the values that are regressed on. */
  readonly outputs: number;
  /** sha256 of architecture and loss: equal hashes mean equal functions of the parameters. */
  readonly hash: string;
}

export interface ModelInput {
  /** Of one sample. */
  readonly shape: readonly number[];
  /** The product of the shape. */
  readonly size: number;
  /** Bytes are divided by 255 by the engine; floats are taken as they are. */
  readonly type: 'uint8' | 'float32';
}

/**
 * Infers shapes and lays the parameters out: layers in order, kernel before bias; behind them all, in the same order, the
 * moving statistics.
 * @throws RangeError when a layer can't follow the ones before it, or the last one has no output for the loss.
 */
export function placeArchitecture(architecture: Architecture, loss: Loss = 'sparseCategoricalCrossentropy'): Model {
  const input = inputOf(architecture);
  const shapes = new Map<string, readonly number[]>();
  const unplaced: { layer: Layer; inputShape: readonly number[]; outputShape: readonly number[]; parts: Part[] }[] = [];
  let shape: readonly number[] = [];
  for (const layer of architecture) {
    const inputShape: readonly number[] = shape;
    if (shapes.has(layer.name)) throw new RangeError(`two layers are called ${layer.name}`);
    if (layer.type === 'add') assertAddable(layer, inputShape, shapeOf(layer, layer.with, shapes));
    const parts = partsOf(layer, inputShape);
    shape = outputShapeOf(layer, inputShape);
    shapes.set(layer.name, shape);
    unplaced.push({ layer, inputShape, outputShape: shape, parts });
  }

  const tensors: TensorEntry[] = [];
  const indices = new Map<Part, number>();
  let offset = 0;
  const place = (isTrained: boolean) => {
    for (const { layer, parts } of unplaced) {
      for (const part of parts.filter(({ momentum }) => (momentum === undefined) === isTrained)) {
        const { name, ...rest } = part;
        const size = product(part.shape);
        indices.set(part, tensors.length);
        tensors.push({ name: `${layer.name}/${name}`, offset, size, ...rest });
        offset += size;
      }
    }
    return offset;
  };
  const trainableCount = place(true);
  const parameterCount = place(false);
  const layers = unplaced.map(({ parts, ...layer }) => {
    const places = parts.map((part) => indices.get(part)!);
    return { ...layer, indices: places, parameters: places.map((index) => tensors[index]!) };
  });
  assertOutput(architecture, shape, loss);
  // What runs of earlier versions have, which knew one loss.
  const identity = loss === 'sparseCategoricalCrossentropy' ? architecture : { architecture, loss };
  const hash = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  return { layers, tensors, parameterCount, trainableCount, input, loss, outputs: shape[0]!, hash };
}

function inputOf(architecture: Architecture): ModelInput {
  const [first, ...rest] = architecture;
  if (first?.type !== 'input') throw new RangeError('the first layer must be the input');
  if (rest.some(({ type }) => type === 'input')) throw new RangeError('only the first layer can be the input');
  const { shape, dtype = 'uint8', name } = first;
  if (shape.length === 0 || !shape.every((dimension) => Number.isSafeInteger(dimension) && dimension > 0)) {
    throw new RangeError(`${name} needs a shape of whole numbers above 0, not [${shape.join(', ')}]`);
  }
  return { shape, size: product(shape), type: dtype };
}

/** The loss takes the softmax's logits; every other layer's softmax would have to be computed. */
function assertOutput(architecture: Architecture, shape: readonly number[], loss: Loss): void {
  const last = architecture.at(-1)!;
  const isSoftmax = (layer: Layer) => layer.type === 'dense' && layer.activation === 'softmax';
  const inner = architecture.slice(0, -1).find(isSoftmax);
  if (inner !== undefined) throw new RangeError(`${inner.name} has a softmax, which only the last layer can have`);
  if (shape.length !== 1) throw new RangeError(`${last.name} is the last layer and must have a flat output`);
  if (isSoftmax(last) === (loss === 'sparseCategoricalCrossentropy')) return;
  throw new RangeError(
    isSoftmax(last)
      ? `${last.name} has a softmax, of which ${loss} makes no use: end with another activation`
      : `${loss} needs a softmax at the end, and ${last.name} has none`,
  );
}

/** One tensor of a layer, before it has its place. */
interface Part {
  readonly name: string;
  readonly shape: readonly number[];
  readonly momentum?: number;
}

function partsOf(layer: Layer, input: readonly number[]): Part[] {
  switch (layer.type) {
    case 'conv2d': {
      // Height, width, channels in, channels out: TensorFlow's order of a kernel.
      const kernel = [layer.kernelSize, layer.kernelSize, channelsOf(layer, input), layer.filters];
      const bias = layer.useBias === false ? [] : [{ name: 'bias', shape: [layer.filters] }];
      return [{ name: 'kernel', shape: kernel }, ...bias];
    }
    case 'batch-normalization': {
      const shape = [channelsOf(layer, input)];
      const { momentum } = layer;
      return [
        { name: 'gamma', shape },
        { name: 'beta', shape },
        { name: 'moving_mean', shape, momentum },
        { name: 'moving_variance', shape, momentum },
      ];
    }
    case 'dense':
      return [
        { name: 'kernel', shape: [vectorLength(layer, input), layer.units] },
        ...(layer.useBias === false ? [] : [{ name: 'bias', shape: [layer.units] }]),
      ];
    default:
      return [];
  }
}

function outputShapeOf(layer: Layer, input: readonly number[]): readonly number[] {
  switch (layer.type) {
    case 'input':
      return layer.shape;
    case 'conv2d':
      return sized(layer, [...input.slice(0, 2).map((size) => convolved(size, layer)), layer.filters]);
    case 'max-pooling2d':
    case 'average-pooling2d':
      channelsOf(layer, input);
      return sized(layer, [...input.slice(0, 2).map((size) => Math.floor(size / layer.poolSize)), input[2]!]);
    case 'global-average-pooling2d':
      return [channelsOf(layer, input)];
    case 'flatten':
      return [product(input)];
    case 'dense':
      return [layer.units];
    case 'activation':
    case 'add':
    case 'batch-normalization':
    case 'dropout':
    case 'rescaling':
      return input;
  }
}

/** Height or width of a convolution's output. */
function convolved(size: number, { kernelSize, strides = 1, padding }: Extract<Layer, { type: 'conv2d' }>): number {
  return padding === 'valid' ? Math.floor((size - kernelSize) / strides) + 1 : Math.ceil(size / strides);
}

function sized({ name }: Layer, shape: readonly number[]): readonly number[] {
  if (shape.every((dimension) => dimension > 0)) return shape;
  throw new RangeError(`${name} has nothing left of its input: its output would be [${shape.join(', ')}]`);
}

function shapeOf({ name }: Layer, from: string, shapes: ReadonlyMap<string, readonly number[]>): readonly number[] {
  const shape = shapes.get(from);
  if (shape === undefined) throw new RangeError(`${name} follows ${from}, and no layer before it is called so`);
  return shape;
}

function assertAddable({ name }: Layer, a: readonly number[], b: readonly number[]): void {
  if (a.join() !== b.join()) throw new RangeError(`${name} can't add [${b.join(', ')}] to [${a.join(', ')}]`);
}

function channelsOf(layer: Layer, input: readonly number[]): number {
  if (input.length !== 3)
    throw new RangeError(`${layer.name} needs an input of [height, width, channels], not [${input.join(', ')}]`);
  return input[2]!;
}

function vectorLength(layer: Layer, input: readonly number[]): number {
  if (input.length !== 1)
    throw new RangeError(`${layer.name} needs a flat input, not [${input.join(', ')}]: put a flatten before it`);
  return input[0]!;
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}
