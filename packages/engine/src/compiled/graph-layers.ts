import type { PlacedLayer } from '@convoy/model/architecture';
import { otherInputOf, product, type Activation, type Layer, type LayerOf, type LayerType } from '@convoy/model/layers';
import type { Output } from './graph.ts';
import {
  add,
  average,
  averagePool,
  biasAdd,
  conv2d,
  flatten,
  gelu,
  matMul,
  maxPool,
  normalise,
  normaliseBatch,
  relu,
  scale,
  sigmoid,
  tanh,
} from './operations.ts';
import type { Tape } from './tape.ts';

/** What operations take beside the output of the one before. */
export interface GraphInputs {
  /** One output per entry of the model's table, in its order. */
  readonly parameters: readonly Output[];
  /** A dropout layer's multipliers by the layer's index; absent layers pass their input on, as in inference. */
  readonly masks: ReadonlyMap<number, Output>;
  /**
   * Takes what a normalisation saw of the batch, by the places of the moving statistics in the model's table; null
   * normalises with those instead, as in inference.
   */
  readonly statistics: Map<number, Output> | null;
  /** Outputs of layers that a later one takes, by name. */
  readonly kept: ReadonlyMap<string, Output>;
}

/** One operation of a layer: layers are written as several, so that {@link poolFirst} can move one past another. */
export interface Operation {
  readonly write: (tape: Tape, x: Output, inputs: GraphInputs) => Output;
  /** A monotonic one, which works element by element, may come behind a maximum as well as ahead of it. */
  readonly kind?: 'monotonic' | 'maximum';
}

type GraphLayer<Type extends LayerType> = (
  layer: LayerOf<Type>,
  placed: PlacedLayer,
  index: number,
) => readonly Operation[];

/** Each type of layer as operations of TensorFlow with their gradients. */
const GRAPH_LAYERS: { readonly [Type in LayerType]: GraphLayer<Type> } = {
  input: () => [],
  conv2d({ strides = 1, padding = 'same', activation }, { indices: [kernel, bias], parameters }) {
    const { shape } = parameters[0]!;
    const options = { shape, strides, padding };
    return [
      { write: (tape, x, inputs) => conv2d(tape, x, inputs.parameters[kernel!]!, options) },
      ...biased(bias),
      ...GRAPH_ACTIVATIONS[activation],
    ];
  },
  dense: ({ activation }, { indices: [kernel, bias] }) => [
    { write: (tape, x, { parameters }) => matMul(tape, x, parameters[kernel!]!) },
    ...biased(bias),
    ...GRAPH_ACTIVATIONS[activation],
  ],
  'batch-normalization': ({ epsilon }, { indices }) => [
    {
      write(tape, x, { parameters, statistics }) {
        const [, , mean, variance] = indices as [number, number, number, number];
        const [gamma_C, beta_C, mean_C, variance_C] = indices.map((index) => parameters[index]!) as [
          Output,
          Output,
          Output,
          Output,
        ];
        if (statistics === null) return normalise(tape, x, [gamma_C, beta_C, mean_C, variance_C], epsilon);
        const batch = normaliseBatch(tape, x, gamma_C, beta_C, epsilon);
        statistics.set(mean, batch.mean_C).set(variance, batch.variance_C);
        return batch.y;
      },
    },
  ],
  activation: ({ activation }) => GRAPH_ACTIVATIONS[activation],
  'max-pooling2d': ({ poolSize }) => [{ kind: 'maximum', write: (tape, x) => maxPool(tape, x, poolSize) }],
  'average-pooling2d': ({ poolSize }) => [{ write: (tape, x) => averagePool(tape, x, poolSize) }],
  'global-average-pooling2d': (_, { inputShape }) => [
    { write: (tape, x) => average(tape, x, product(inputShape.slice(0, 2))) },
  ],
  flatten: (_, { outputShape }) => [{ write: (tape, x) => flatten(tape, x, outputShape[0]!) }],
  rescaling: (layer) => [{ write: (tape, x) => scale(tape, x, tape.graph.float(layer.scale)) }],
  dropout: (_, __, index) => [
    {
      write(tape, x, { masks }) {
        const mask = masks.get(index);
        return mask === undefined ? x : scale(tape, x, mask);
      },
    },
  ],
  add: (layer) => [{ write: (tape, x, { kept }) => add(tape, x, kept.get(otherInputOf(layer)!)!) }],
};

/** The operations of a layer. @param index the layer's in the architecture. */
export function graphLayer(placed: PlacedLayer, index: number): readonly Operation[] {
  const operations = GRAPH_LAYERS[placed.layer.type] as unknown as (
    layer: Layer,
    placed: PlacedLayer,
    index: number,
  ) => readonly Operation[];
  return operations(placed.layer, placed, index);
}

const GRAPH_ACTIVATIONS: Readonly<Record<Activation | 'softmax', readonly Operation[]>> = {
  linear: [],
  relu: [{ kind: 'monotonic', write: relu }],
  sigmoid: [{ write: sigmoid }],
  tanh: [{ write: tanh }],
  gelu: [{ write: gelu }],
  // The last layer's softmax is left to the loss, where it is stable.
  softmax: [],
};

/** @param bias its place in the model's table; undefined for a layer without. */
function biased(bias: number | undefined): readonly Operation[] {
  if (bias === undefined) return [];
  return [{ kind: 'monotonic', write: (tape, x, { parameters }) => biasAdd(tape, x, parameters[bias]!) }];
}
