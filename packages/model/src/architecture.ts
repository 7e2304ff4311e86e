import { createHash } from 'node:crypto';
import { nearestName } from '@convoy/protocol/wrong-value';
import type { TensorEntry, TensorTable } from '@convoy/protocol/tensor';
import { checkLayers } from './check-layers.ts';
import {
  otherInputOf,
  outputShapeOf,
  partsOf,
  product,
  type Initial,
  type Layer,
  type LayerInput,
  type Part,
  type Shape,
} from './layers.ts';
import { expectedOf, type Loss } from './loss.ts';

/** Layers in their order, complete. */
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
  /** What each of the tensors starts from. */
  readonly initial: readonly Initial[];
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
  /** The shape of one sample. */
  readonly shape: readonly number[];
  /** The product of the shape. */
  readonly size: number;
  /** Bytes are divided by 255 by the engine; floats are taken as they are. */
  readonly type: 'uint8' | 'float32';
}

/** Parameters that a process can hold, and a few vectors of their length beside them. */
const MAX_PARAMETERS = 2 ** 29;

/**
 * Checks the layers, infers shapes and lays the parameters out: layers in order, kernel before bias; behind them all, in the same
 * order, the moving statistics.
 * @throws RangeError when a layer is not one, or can't follow the ones before it, or the last one has no output for the loss.
 */
export function placeArchitecture(layers: readonly LayerInput[], loss: Loss = 'sparseCategoricalCrossentropy'): Model {
  const architecture = checkLayers(layers);
  const input = inputOf(architecture);
  const shapes = new Map<string, Shape>();
  const unplaced: { layer: Layer; inputShape: Shape; outputShape: Shape; parts: readonly Part[] }[] = [];
  let shape: Shape = [];
  for (const layer of architecture) {
    const inputShape: Shape = shape;
    if (shapes.has(layer.name)) throw new RangeError(`two layers are called ${layer.name}`);
    const from = otherInputOf(layer);
    const other = from === null ? inputShape : shapeOf(layer, from, shapes);
    const parts = partsOf(layer, inputShape);
    shape = outputShapeOf(layer, inputShape, other);
    shapes.set(layer.name, shape);
    unplaced.push({ layer, inputShape, outputShape: shape, parts });
  }

  const tensors: TensorEntry[] = [];
  const initial: Initial[] = [];
  const indices = new Map<Part, number>();
  let offset = 0;
  const place = (isTrained: boolean) => {
    for (const { layer, parts } of unplaced) {
      for (const part of parts.filter(({ momentum }) => (momentum === undefined) === isTrained)) {
        const { name, initial: start, ...rest } = part;
        const size = product(part.shape);
        indices.set(part, tensors.length);
        tensors.push({ name: `${layer.name}/${name}`, offset, size, ...rest });
        initial.push(start);
        offset += size;
      }
    }
    return offset;
  };
  const trainableCount = place(true);
  const parameterCount = place(false);
  if (parameterCount > MAX_PARAMETERS) {
    throw new RangeError(`the model has ${parameterCount} parameters, and Convoy trains up to ${MAX_PARAMETERS}`);
  }
  const placed = unplaced.map(({ parts, ...layer }) => {
    const places = parts.map((part) => indices.get(part)!);
    return { ...layer, indices: places, parameters: places.map((index) => tensors[index]!) };
  });
  assertOutput(architecture, shape, loss);
  if (trainableCount === 0) throw new RangeError('the model has no parameters: there is nothing to train');
  // What runs of earlier versions have, which knew one loss.
  const identity = loss === 'sparseCategoricalCrossentropy' ? architecture : { architecture, loss };
  const hash = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  return { layers: placed, tensors, initial, parameterCount, trainableCount, input, loss, outputs: shape[0]!, hash };
}

function inputOf(architecture: Architecture): ModelInput {
  const [first, ...rest] = architecture;
  if (first?.type !== 'input') throw new RangeError('the first layer must be the input');
  if (rest.some(({ type }) => type === 'input')) throw new RangeError('only the first layer can be the input');
  const { shape, dtype = 'uint8' } = first;
  return { shape, size: product(shape), type: dtype };
}

/** The loss takes the softmax's logits; every other layer's softmax would have to be computed. */
function assertOutput(architecture: Architecture, shape: readonly number[], loss: Loss): void {
  const last = architecture.at(-1)!;
  const isSoftmax = (layer: Layer) => layer.type === 'dense' && layer.activation === 'softmax';
  const inner = architecture.slice(0, -1).find(isSoftmax);
  if (inner !== undefined) throw new RangeError(`${inner.name} has a softmax, which only the last layer can have`);
  if (shape.length !== 1) throw new RangeError(`${last.name} is the last layer and must have a flat output`);
  const isClassification = expectedOf(loss) === 'class';
  if (isClassification && shape[0] === 1) {
    throw new RangeError(
      `${last.name} has one unit, and ${loss} tells two classes or more apart: give each class a unit`,
    );
  }
  if (isSoftmax(last) === isClassification) return;
  throw new RangeError(
    isSoftmax(last)
      ? `${last.name} has a softmax, of which ${loss} makes no use: end with another activation`
      : `${loss} needs a softmax at the end, and ${last.name} has none`,
  );
}

function shapeOf({ name }: Layer, from: string, shapes: ReadonlyMap<string, Shape>): Shape {
  const shape = shapes.get(from);
  if (shape !== undefined) return shape;
  const near = nearestName(from, [...shapes.keys()]);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  throw new RangeError(`${name} follows ${from}, and no layer before it is called so${hint}`);
}
