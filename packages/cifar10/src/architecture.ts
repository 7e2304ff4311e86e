import { createHash } from 'node:crypto';
import type { TensorEntry, TensorTable } from '@convoy/protocol/tensor';

/**
 * A layer as data. Names and options are Keras's; convolutions have stride 1 and are padded `same`. A layer takes the output
 * of the one before it; `add` takes another's too, which makes the branches of a residual network.
 */
export type Layer =
  | { readonly type: 'input'; readonly name: string; readonly shape: readonly [number, number, number] }
  | {
      readonly type: 'conv2d';
      readonly name: string;
      readonly filters: number;
      readonly kernelSize: number;
      readonly activation: 'relu' | 'linear';
      /** False where a normalisation follows, which would take the bias out again. */
      readonly useBias?: false;
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
  | { readonly type: 'activation'; readonly name: string; readonly activation: 'relu' }
  | { readonly type: 'max-pooling2d'; readonly name: string; readonly poolSize: number }
  | { readonly type: 'global-average-pooling2d'; readonly name: string }
  | { readonly type: 'flatten'; readonly name: string }
  | { readonly type: 'dropout'; readonly name: string; readonly rate: number }
  | { readonly type: 'dense'; readonly name: string; readonly units: number; readonly activation: 'relu' | 'softmax' };

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
  readonly classes: number;
  /** sha256 of the architecture: equal hashes mean equal functions of the parameters. */
  readonly hash: string;
}

/**
 * Infers shapes and lays the parameters out: layers in order, kernel before bias; behind them all, in the same order, the
 * moving statistics.
 * @throws RangeError when a layer can't follow the ones before it.
 */
export function placeArchitecture(architecture: Architecture): Model {
  const shapes = new Map<string, readonly number[]>();
  const unplaced: { layer: Layer; inputShape: readonly number[]; outputShape: readonly number[]; parts: Part[] }[] = [];
  let shape: readonly number[] = [];
  for (const layer of architecture) {
    const inputShape: readonly number[] = shape;
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
  const hash = createHash('sha256').update(JSON.stringify(architecture)).digest('hex');
  return { layers, tensors, parameterCount, trainableCount, classes: shape.at(-1)!, hash };
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
        { name: 'bias', shape: [layer.units] },
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
      return [input[0]!, input[1]!, layer.filters];
    case 'max-pooling2d':
      channelsOf(layer, input);
      return [Math.floor(input[0]! / layer.poolSize), Math.floor(input[1]! / layer.poolSize), input[2]!];
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
      return input;
  }
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
