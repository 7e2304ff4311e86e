import type { Model } from '@convoy/model/architecture';
import type { Layer } from '@convoy/model/layers';

/** A layer as Keras and LayersModel know it. Options that are absent have the default, which is the same in both. */
export interface KerasLayer {
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>> & { readonly name: string };
  /** Names of the layers whose outputs it takes; of several, the order is that of a list. */
  readonly inputs: readonly string[];
}

/** The classes of Keras that layers stand for. */
export const KERAS_CLASS_NAMES: Readonly<Record<Layer['type'], string>> = {
  input: 'InputLayer',
  conv2d: 'Conv2D',
  'batch-normalization': 'BatchNormalization',
  activation: 'Activation',
  add: 'Add',
  'max-pooling2d': 'MaxPooling2D',
  'average-pooling2d': 'AveragePooling2D',
  'global-average-pooling2d': 'GlobalAveragePooling2D',
  flatten: 'Flatten',
  rescaling: 'Rescaling',
  dropout: 'Dropout',
  dense: 'Dense',
};

/** A model's layers, in its order. The `input` layer's shape is left to the format, which has its own word for it. */
export function kerasLayers({ layers }: Model): readonly KerasLayer[] {
  return layers.map(({ layer }, index) => ({
    className: KERAS_CLASS_NAMES[layer.type],
    config: { name: layer.name, ...optionsOf(layer) },
    inputs: inputsOf(layer, layers[index - 1]?.layer),
  }));
}

function optionsOf(layer: Layer): Readonly<Record<string, unknown>> {
  switch (layer.type) {
    case 'conv2d': {
      const { filters, kernelSize, activation, useBias = true, strides = 1, padding = 'same' } = layer;
      const kernel_size = [kernelSize, kernelSize];
      return { filters, kernel_size, strides: [strides, strides], padding, activation, use_bias: useBias };
    }
    case 'batch-normalization':
      return { axis: -1, momentum: layer.momentum, epsilon: layer.epsilon };
    case 'activation':
      return { activation: layer.activation };
    case 'max-pooling2d':
    case 'average-pooling2d': {
      const pool_size = [layer.poolSize, layer.poolSize];
      return { pool_size, strides: pool_size, padding: 'valid' };
    }
    case 'rescaling':
      return { scale: layer.scale, offset: 0 };
    case 'dropout':
      return { rate: layer.rate };
    case 'dense':
      return { units: layer.units, activation: layer.activation, use_bias: layer.useBias ?? true };
    case 'input':
    case 'add':
    case 'global-average-pooling2d':
    case 'flatten':
      return {};
  }
}

function inputsOf(layer: Layer, before: Layer | undefined): readonly string[] {
  if (before === undefined) return [];
  return layer.type === 'add' ? [before.name, layer.with] : [before.name];
}
