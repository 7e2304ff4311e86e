import type { Model } from '@convoy/model/architecture';
import { otherInputOf, type Layer, type LayerOf, type LayerType } from '@convoy/model/layers';

/** A layer as Keras and LayersModel know it. Options that are absent have the default, which is the same in both. */
export interface KerasLayer {
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>> & { readonly name: string };
  /** Names of the layers whose outputs it takes; of several, the order is that of a list. */
  readonly inputs: readonly string[];
}

interface KerasKind<Type extends LayerType> {
  readonly className: string;
  /** All but the name. */
  readonly options: (layer: LayerOf<Type>) => Readonly<Record<string, unknown>>;
}

const NO_OPTIONS = () => ({});
const pooling = ({ poolSize }: { readonly poolSize: number }) => {
  const pool_size = [poolSize, poolSize];
  return { pool_size, strides: pool_size, padding: 'valid' };
};

/** The class of Keras that each type of layer stands for. */
const KERAS_KINDS: { readonly [Type in LayerType]: KerasKind<Type> } = {
  // The shape is left to the format, which has its own word for it.
  input: { className: 'InputLayer', options: NO_OPTIONS },
  conv2d: {
    className: 'Conv2D',
    options({ filters, kernelSize, activation, useBias = true, strides = 1, padding = 'same' }) {
      const kernel_size = [kernelSize, kernelSize];
      return { filters, kernel_size, strides: [strides, strides], padding, activation, use_bias: useBias };
    },
  },
  dense: {
    className: 'Dense',
    options: ({ units, activation, useBias = true }) => ({ units, activation, use_bias: useBias }),
  },
  'batch-normalization': {
    className: 'BatchNormalization',
    options: ({ momentum, epsilon }) => ({ axis: -1, momentum, epsilon }),
  },
  activation: { className: 'Activation', options: ({ activation }) => ({ activation }) },
  'max-pooling2d': { className: 'MaxPooling2D', options: pooling },
  'average-pooling2d': { className: 'AveragePooling2D', options: pooling },
  'global-average-pooling2d': { className: 'GlobalAveragePooling2D', options: NO_OPTIONS },
  flatten: { className: 'Flatten', options: NO_OPTIONS },
  rescaling: { className: 'Rescaling', options: ({ scale }) => ({ scale, offset: 0 }) },
  dropout: { className: 'Dropout', options: ({ rate }) => ({ rate }) },
  add: { className: 'Add', options: NO_OPTIONS },
};

/** The class of Keras that a layer stands for. */
export function kerasClassName({ type }: Layer): string {
  return KERAS_KINDS[type].className;
}

/** A model's layers, in its order. */
export function kerasLayers({ layers }: Model): readonly KerasLayer[] {
  return layers.map(({ layer }, index) => {
    const { className, options } = KERAS_KINDS[layer.type] as unknown as KerasKind<LayerType>;
    const inputs = [layers[index - 1]?.layer.name, otherInputOf(layer)];
    return {
      className,
      config: { name: layer.name, ...options(layer) },
      inputs: inputs.filter((name) => name !== undefined && name !== null),
    };
  });
}
