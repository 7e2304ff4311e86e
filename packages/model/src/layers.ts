import * as v from 'valibot';
import { wholeBetween } from '@convoy/protocol/numbers';

/** What a layer does to its input, element by element. */
export const NON_LINEARITIES = ['relu', 'sigmoid', 'tanh', 'gelu'] as const;
export type NonLinearity = (typeof NON_LINEARITIES)[number];
export type Activation = NonLinearity | 'linear';

/** The shape of one sample, without the batch dimension. */
export type Shape = readonly number[];

/** What a tensor starts from: a draw of the run's seed, or the same everywhere. */
export type Initial = 'glorotUniform' | 'zeros' | 'ones';

/** One tensor of a layer, before it has its place in the parameter vector. */
export interface Part {
  readonly name: string;
  readonly shape: Shape;
  readonly initial: Initial;
  /** The share of its value that a moving statistic keeps in a step. No optimizer touches a tensor that has one. */
  readonly momentum?: number;
}

/** What there is to know of a type of layer but for how an engine computes it and how other formats call it. */
interface LayerKind<Options extends v.ObjectEntries> {
  /** Beside `type` and `name`; the names, meanings and defaults of Keras unless a comment says otherwise. */
  readonly options: Options;
  /** In their order in the parameter vector; absent: none. @throws RangeError when it can't take this input. */
  readonly parts?: (layer: Named<Options>, input: Shape) => readonly Part[];
  /** The layer whose output it takes beside that of the one before it, by name; absent: none. */
  readonly otherInput?: (layer: Named<Options>) => string;
  /** The rate of a layer that multiplies each value of its input by 0 or by what keeps the mean, drawn for every sample. */
  readonly dropoutRate?: (layer: Named<Options>) => number;
  /** @param other the shape of `otherInput`; without one, of the input. @throws RangeError when it can't take this input. */
  readonly outputShape: (layer: Named<Options>, input: Shape, other: Shape) => Shape;
}

type Named<Options extends v.ObjectEntries> = { readonly name: string } & v.InferOutput<
  v.StrictObjectSchema<Options, undefined>
>;

function kind<Options extends v.ObjectEntries>(
  options: Options,
  rest: Omit<LayerKind<Options>, 'options'>,
): LayerKind<Options> {
  return { options, ...rest };
}

const count = wholeBetween(1, 2 ** 31 - 1);
const activation = v.picklist(['linear', ...NON_LINEARITIES]);
const useBias = v.optional(v.boolean());
const isShape = (shape: unknown) =>
  Array.isArray(shape) &&
  shape.length > 0 &&
  shape.every((dimension) => Number.isSafeInteger(dimension) && dimension > 0);

/** Windows that don't overlap: what is left over at the edges is not looked at. */
const pooling = kind(
  /** Height and width of the windows. */
  { poolSize: v.optional(count, 2) },
  {
    outputShape: (layer, input) =>
      sized(layer, [...heightAndWidth(layer, input).map((size) => Math.floor(size / layer.poolSize)), input[2]!]),
  },
);

/** Takes any input and gives the same shape. */
const sameShape = (_: unknown, input: Shape) => input;

/**
 * Every type of layer: a layer takes the output of the one before it; `add` takes another's too, which makes the branches of a
 * residual network. An entry here has one in the engine's tables (operation by operation, and as a graph) and in the export's.
 */
export const LAYERS = {
  /** The first layer of every model, and only that. */
  input: kind(
    {
      /** One sample's shape: [height, width, channels], or [values]. */
      shape: v.custom<Shape>(isShape, 'a list of whole numbers above 0'),
      /** Samples are float32 values as they are; without it, bytes that the engine divides by 255. */
      dtype: v.optional(v.picklist(['float32', 'uint8'])),
    },
    { outputShape: ({ shape }) => shape },
  ),
  conv2d: kind(
    {
      filters: count,
      /** Height and width. */
      kernelSize: count,
      activation: v.optional(activation, 'linear'),
      /** False where a normalisation follows, which would take the bias out again. */
      useBias,
      /** In both directions; absent: 1. */
      strides: v.optional(count),
      /** Absent: `same`, with zeros around the input, where Keras has `valid`. */
      padding: v.optional(v.picklist(['same', 'valid'])),
    },
    {
      // Height, width, channels in, channels out: TensorFlow's order of a kernel.
      parts: ({ kernelSize, filters, ...layer }, input) => [
        kernelOf([kernelSize, kernelSize, channelsOf(layer, input), filters]),
        ...biasOf(layer, filters),
      ],
      outputShape: (layer, input) =>
        sized(layer, [...heightAndWidth(layer, input).map((size) => convolved(size, layer)), layer.filters]),
    },
  ),
  dense: kind(
    {
      units: count,
      /** `softmax` in the last layer of a classification, and nowhere else. */
      activation: v.optional(v.picklist(['linear', ...NON_LINEARITIES, 'softmax']), 'linear'),
      useBias,
    },
    {
      parts: ({ units, ...layer }, input) => [kernelOf([vectorLength(layer, input), units]), ...biasOf(layer, units)],
      outputShape: ({ units }) => [units],
    },
  ),
  'batch-normalization': kind(
    {
      /** Share of a moving statistic that a step keeps. */
      momentum: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(0.999999)), 0.99),
      epsilon: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 1e-3),
    },
    {
      parts: ({ momentum, name }, input) => {
        if (input.length !== 3) {
          throw new RangeError(
            `${name} normalises the channels of an image, [height, width, channels], and its input is [${input.join(', ')}]: put it behind a convolution or a pooling`,
          );
        }
        const shape = [input[2]!];
        return [
          { name: 'gamma', shape, initial: 'ones' },
          { name: 'beta', shape, initial: 'zeros' },
          { name: 'moving_mean', shape, initial: 'zeros', momentum },
          { name: 'moving_variance', shape, initial: 'ones', momentum },
        ];
      },
      outputShape: sameShape,
    },
  ),
  activation: kind({ activation: v.picklist(NON_LINEARITIES) }, { outputShape: sameShape }),
  'max-pooling2d': pooling,
  'average-pooling2d': pooling,
  'global-average-pooling2d': kind({}, { outputShape: (layer, input) => [channelsOf(layer, input)] }),
  flatten: kind({}, { outputShape: (_, input) => [product(input)] }),
  /** Multiplies by a factor that is not learned. */
  rescaling: kind({ scale: v.pipe(v.number(), v.finite()) }, { outputShape: sameShape }),
  dropout: kind(
    { rate: v.pipe(v.number(), v.minValue(0), v.ltValue(1)) },
    { dropoutRate: ({ rate }) => rate, outputShape: sameShape },
  ),
  /** Its input plus the output of the layer that `with` names, of the same shape. */
  add: kind(
    { with: v.string() },
    {
      otherInput: (layer) => layer.with,
      outputShape: ({ name }, input, other) => {
        if (input.join() === other.join()) return input;
        throw new RangeError(`${name} can't add [${other.join(', ')}] to [${input.join(', ')}]`);
      },
    },
  ),
};

export type LayerType = keyof typeof LAYERS;
export const LAYER_TYPES = Object.keys(LAYERS) as readonly LayerType[];

type Complete<Kind> = Kind extends { readonly options: infer Options extends v.ObjectEntries }
  ? Readonly<v.InferOutput<v.StrictObjectSchema<Options, undefined>>>
  : never;
type Given<Kind> = Kind extends { readonly options: infer Options extends v.ObjectEntries }
  ? Readonly<v.InferInput<v.StrictObjectSchema<Options, undefined>>>
  : never;

/** A layer as data, its options complete. */
export type LayerOf<Type extends LayerType> = {
  readonly [T in Type]: { readonly type: T; readonly name: string } & Complete<(typeof LAYERS)[T]>;
}[Type];
export type Layer = LayerOf<LayerType>;

/** A layer as it may be written down: options that have a default may be missing, and the name, too. */
export type LayerInput = {
  readonly [T in LayerType]: { readonly type: T; readonly name?: string } & Given<(typeof LAYERS)[T]>;
}[LayerType];

/** The tensors of a layer with this input. @throws RangeError when it can't follow the layer that gives it. */
export function partsOf(layer: Layer, input: Shape): readonly Part[] {
  return kindOf(layer).parts?.(layer, input) ?? [];
}

/** The layer whose output this one takes beside that of the one before it, by name; null: none. */
export function otherInputOf(layer: Layer): string | null {
  return kindOf(layer).otherInput?.(layer) ?? null;
}

/** The rate at which a layer drops values, which takes a mask; null for a layer that takes none. */
export function dropoutRateOf(layer: Layer): number | null {
  return kindOf(layer).dropoutRate?.(layer) ?? null;
}

/** @param other the shape of its other input; without one, of its input. @throws RangeError when it can't follow the layers that give its inputs. */
export function outputShapeOf(layer: Layer, input: Shape, other: Shape): Shape {
  return kindOf(layer).outputShape(layer, input, other);
}

/** A layer's own entry, whose functions take just this type of layer. */
function kindOf({ type }: Layer): LayerKind<v.ObjectEntries> {
  return LAYERS[type] as unknown as LayerKind<v.ObjectEntries>;
}

function kernelOf(shape: Shape): Part {
  return { name: 'kernel', shape, initial: 'glorotUniform' };
}

function biasOf({ useBias }: { readonly useBias?: boolean | undefined }, length: number): readonly Part[] {
  return useBias === false ? [] : [{ name: 'bias', shape: [length], initial: 'zeros' }];
}

interface Window {
  readonly kernelSize: number;
  readonly strides?: number | undefined;
  readonly padding?: 'same' | 'valid' | undefined;
}

/** Height or width of a convolution's output. */
function convolved(size: number, { kernelSize, strides = 1, padding }: Window): number {
  return padding === 'valid' ? Math.floor((size - kernelSize) / strides) + 1 : Math.ceil(size / strides);
}

function sized({ name }: { readonly name: string }, shape: Shape): Shape {
  if (shape.every((dimension) => dimension > 0)) return shape;
  throw new RangeError(`${name} has nothing left of its input: its output would be [${shape.join(', ')}]`);
}

function heightAndWidth(layer: { readonly name: string }, input: Shape): Shape {
  channelsOf(layer, input);
  return input.slice(0, 2);
}

function channelsOf({ name }: { readonly name: string }, input: Shape): number {
  if (input.length === 3) return input[2]!;
  throw new RangeError(`${name} needs an input of [height, width, channels], not [${input.join(', ')}]`);
}

function vectorLength({ name }: { readonly name: string }, input: Shape): number {
  if (input.length === 1) return input[0]!;
  throw new RangeError(`${name} needs a flat input, not [${input.join(', ')}]: put a flatten before it`);
}

/** Values of a sample of this shape. */
export function product(shape: Shape): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}
