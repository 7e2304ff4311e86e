import { createHash } from 'node:crypto';
import type { TensorEntry, TensorTable } from '@convoy/protocol/tensor';

/** A layer as data. Names and options are Keras's; `same` padding and stride 1 are the only convolution there is so far. */
export type Layer =
  | { readonly type: 'input'; readonly name: string; readonly shape: readonly [number, number, number] }
  | {
      readonly type: 'conv2d';
      readonly name: string;
      readonly filters: number;
      readonly kernelSize: number;
      readonly activation: 'relu' | 'linear';
    }
  | { readonly type: 'activation'; readonly name: string; readonly activation: 'relu' }
  | { readonly type: 'max-pooling2d'; readonly name: string; readonly poolSize: number }
  | { readonly type: 'flatten'; readonly name: string }
  | { readonly type: 'dropout'; readonly name: string; readonly rate: number }
  | { readonly type: 'dense'; readonly name: string; readonly units: number; readonly activation: 'relu' | 'softmax' };

export type Architecture = readonly Layer[];

/** The lesson's CNN, layer by layer; 904,718 parameters. */
export const LESSON_CNN: Architecture = [
  { type: 'input', name: 'input_1', shape: [32, 32, 3] },
  { type: 'conv2d', name: 'conv2d', filters: 32, kernelSize: 3, activation: 'relu' },
  { type: 'conv2d', name: 'conv2d_1', filters: 32, kernelSize: 3, activation: 'relu' },
  { type: 'max-pooling2d', name: 'max_pooling2d', poolSize: 2 },
  { type: 'conv2d', name: 'conv2d_2', filters: 64, kernelSize: 3, activation: 'relu' },
  { type: 'conv2d', name: 'conv2d_3', filters: 64, kernelSize: 3, activation: 'linear' },
  { type: 'activation', name: 'activation', activation: 'relu' },
  { type: 'max-pooling2d', name: 'max_pooling2d_1', poolSize: 2 },
  { type: 'conv2d', name: 'conv2d_4', filters: 128, kernelSize: 3, activation: 'relu' },
  { type: 'conv2d', name: 'conv2d_5', filters: 128, kernelSize: 3, activation: 'relu' },
  { type: 'max-pooling2d', name: 'max_pooling2d_2', poolSize: 2 },
  { type: 'flatten', name: 'flatten' },
  { type: 'dropout', name: 'dropout', rate: 0.5 },
  { type: 'dense', name: 'fc1', units: 300, activation: 'relu' },
  { type: 'dropout', name: 'dropout_1', rate: 0.3 },
  { type: 'dense', name: 'output', units: 10, activation: 'softmax' },
];

/** A layer with what follows from the layers before it. */
export interface PlacedLayer {
  readonly layer: Layer;
  /** Without the batch dimension. */
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly parameters: readonly TensorEntry[];
}

/** An architecture with its shapes and the layout of its flat parameter vector. */
export interface Model {
  readonly layers: readonly PlacedLayer[];
  readonly tensors: TensorTable;
  readonly parameterCount: number;
  readonly classes: number;
  /** sha256 of the architecture: equal hashes mean equal functions of the parameters. */
  readonly hash: string;
}

/**
 * Infers shapes and lays the parameters out: layers in order, kernel before bias.
 * @throws RangeError when a layer can't follow the one before it.
 */
export function placeArchitecture(architecture: Architecture): Model {
  const layers: PlacedLayer[] = [];
  let shape: readonly number[] = [];
  let offset = 0;
  for (const layer of architecture) {
    const parameters = parameterShapes(layer, shape).map(([part, tensorShape]) => {
      const size = product(tensorShape);
      const entry: TensorEntry = { name: `${layer.name}/${part}`, shape: tensorShape, offset, size };
      offset += size;
      return entry;
    });
    const outputShape = outputShapeOf(layer, shape);
    layers.push({ layer, inputShape: shape, outputShape, parameters });
    shape = outputShape;
  }
  return {
    layers,
    tensors: layers.flatMap(({ parameters }) => parameters),
    parameterCount: offset,
    classes: shape.at(-1)!,
    hash: createHash('sha256').update(JSON.stringify(architecture)).digest('hex'),
  };
}

/** The lesson's CNN, placed. */
export const lessonModel: Model = placeArchitecture(LESSON_CNN);

function parameterShapes(layer: Layer, input: readonly number[]): [part: string, shape: readonly number[]][] {
  switch (layer.type) {
    case 'conv2d':
      // Height, width, channels in, channels out: TensorFlow's order of a kernel.
      return [
        ['kernel', [layer.kernelSize, layer.kernelSize, channelsOf(layer, input), layer.filters]],
        ['bias', [layer.filters]],
      ];
    case 'dense':
      return [
        ['kernel', [vectorLength(layer, input), layer.units]],
        ['bias', [layer.units]],
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
    case 'flatten':
      return [product(input)];
    case 'dense':
      return [layer.units];
    case 'activation':
    case 'dropout':
      return input;
  }
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
