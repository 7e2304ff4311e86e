import { NON_LINEARITIES, type Activation, type Layer } from '@convoy/model/layers';
import { only, type Config, type Rules } from './keras-options.ts';

/** A class of layers of TensorFlow.js that is read. */
export interface KerasClass {
  readonly options: Rules;
  /** Null for a layer that passes its input on. @throws RangeError naming the layer and the option that Convoy does not train with. */
  readonly read: (name: string, config: Config) => Layer | null;
}

const CHANNELS_LAST = only('channelsLast');

const KERNEL_AND_BIAS: Rules = {
  activation: 'read',
  useBias: 'read',
  kernelInitializer: 'drawn',
  biasInitializer: 'drawn',
  kernelRegularizer: 'unset',
  biasRegularizer: 'unset',
  activityRegularizer: 'unset',
  kernelConstraint: 'unset',
  biasConstraint: 'unset',
};

function pooling(type: 'max-pooling2d' | 'average-pooling2d'): KerasClass {
  return {
    options: { poolSize: 'read', strides: 'read', padding: only('valid'), dataFormat: CHANNELS_LAST },
    read(name, config) {
      const poolSize = squareOf(name, 'poolSize', config['poolSize']);
      const strides = squareOf(name, 'strides', config['strides'] ?? poolSize);
      if (strides === poolSize) return { type, name, poolSize };
      throw new RangeError(
        `${name} has strides of ${strides}; Convoy's windows don't overlap: strides are ${poolSize} as poolSize`,
      );
    },
  };
}

/** By the name that the class has in TensorFlow.js. */
const KERAS_CLASSES: Readonly<Record<string, KerasClass>> = {
  Conv2D: {
    options: {
      ...KERNEL_AND_BIAS,
      filters: 'read',
      kernelSize: 'read',
      strides: 'read',
      padding: only('same', 'valid'),
      dataFormat: CHANNELS_LAST,
      dilationRate: 'read',
    },
    read(name, config) {
      const dilation = squareOf(name, 'dilationRate', config['dilationRate'] ?? 1);
      if (dilation !== 1)
        throw new RangeError(`${name} has a dilationRate of ${dilation}; Convoy has no dilated convolutions`);
      const strides = squareOf(name, 'strides', config['strides'] ?? 1);
      return {
        type: 'conv2d',
        name,
        filters: config['filters'] as number,
        kernelSize: squareOf(name, 'kernelSize', config['kernelSize']),
        activation: activationOf(name, config),
        ...noBias(config),
        ...(strides === 1 ? {} : { strides }),
        ...(config['padding'] === 'same' ? {} : { padding: 'valid' }),
      };
    },
  },
  Dense: {
    options: { ...KERNEL_AND_BIAS, units: 'read' },
    read(name, config) {
      const activation = config['activation'] === 'softmax' ? 'softmax' : activationOf(name, config);
      return { type: 'dense', name, units: config['units'] as number, activation, ...noBias(config) };
    },
  },
  BatchNormalization: {
    options: {
      // The last of [samples, height, width, channels].
      axis: only(-1, 3),
      momentum: 'read',
      epsilon: 'read',
      center: only(true),
      scale: only(true),
      betaInitializer: 'drawn',
      gammaInitializer: 'drawn',
      movingMeanInitializer: 'drawn',
      movingVarianceInitializer: 'drawn',
      betaRegularizer: 'unset',
      gammaRegularizer: 'unset',
      betaConstraint: 'unset',
      gammaConstraint: 'unset',
    },
    read: (name, { momentum, epsilon }) => ({
      type: 'batch-normalization',
      name,
      momentum: momentum as number,
      epsilon: epsilon as number,
    }),
  },
  MaxPooling2D: pooling('max-pooling2d'),
  AveragePooling2D: pooling('average-pooling2d'),
  GlobalAveragePooling2D: {
    options: { dataFormat: CHANNELS_LAST },
    read: (name) => ({ type: 'global-average-pooling2d', name }),
  },
  Flatten: { options: { dataFormat: CHANNELS_LAST }, read: (name) => ({ type: 'flatten', name }) },
  Rescaling: {
    options: { scale: 'read', offset: only(0) },
    read: (name, { scale }) => ({ type: 'rescaling', name, scale: scale as number }),
  },
  Dropout: {
    options: { rate: 'read', noiseShape: 'unset', seed: 'drawn' },
    read: (name, { rate }) => ({ type: 'dropout', name, rate: rate as number }),
  },
  Add: {
    options: {},
    read: (name) => {
      throw new RangeError(`${name} must add the outputs of two layers`);
    },
  },
  Activation: {
    options: { activation: 'read' },
    read(name, config) {
      // A softmax of its own is put into the dense layer before it.
      if (config['activation'] === 'softmax') return { type: 'dense', name, units: 0, activation: 'softmax' };
      const activation = activationOf(name, config);
      return activation === 'linear' ? null : { type: 'activation', name, activation };
    },
  },
  ReLU: {
    options: { maxValue: 'unset' },
    read: (name) => ({ type: 'activation', name, activation: 'relu' }),
  },
  InputLayer: {
    options: { sparse: only(false) },
    read: (name) => {
      throw new RangeError(`${name} is a second input; Convoy's models have one`);
    },
  },
};

/** @throws RangeError naming a layer whose class Convoy does not train. */
export function kerasClass(name: string, className: string): KerasClass {
  if (Object.hasOwn(KERAS_CLASSES, className)) return KERAS_CLASSES[className]!;
  const known = Object.keys(KERAS_CLASSES).filter((each) => each !== 'InputLayer');
  throw new RangeError(
    `${name} is a ${className}, which Convoy does not train; it does ${known.slice(0, -1).join(', ')} and ${known.at(-1)}`,
  );
}

function activationOf(name: string, { activation }: Config): Activation {
  if (activation === undefined || activation === null || activation === 'linear') return 'linear';
  const known = NON_LINEARITIES.find((each) => each === activation);
  if (known !== undefined) return known;
  throw new RangeError(
    `${name} has the activation ${String(activation)}; Convoy has ${NON_LINEARITIES.join(', ')}, and softmax at the end`,
  );
}

function noBias({ useBias }: Config): { readonly useBias?: false } {
  return useBias === false ? { useBias: false } : {};
}

function squareOf(name: string, option: string, value: unknown): number {
  const sides = Array.isArray(value) ? (value as number[]) : [value as number];
  if (sides.every((side) => side === sides[0])) return sides[0]!;
  throw new RangeError(`${name} has a ${option} of ${sides.join(' × ')}; both must be the same`);
}
