import type { KerasLayer, LayersModel } from '@convoy/model/workload';
import type { Architecture } from '@convoy/model/architecture';
import { NON_LINEARITIES, type Activation, type Layer } from '@convoy/model/layers';

type Config = Readonly<Record<string, unknown>>;

/** Whether a workload's model is one of TensorFlow.js. */
export function isLayersModel(model: object): model is LayersModel {
  return 'layers' in model && 'inputs' in model && !Array.isArray(model);
}

/**
 * The layers of a sequential model, or of a functional one whose only branches are those that an Add brings together again.
 * @throws RangeError naming the first layer, or option of a layer, that Convoy does not train.
 */
export function architectureOf(model: LayersModel): Architecture {
  const [input, ...others] = model.inputs;
  if (input === undefined || others.length > 0 || model.outputs.length !== 1) {
    throw new RangeError(`the model ${model.name} must have one input and one output`);
  }
  const shape = input.shape.slice(1);
  const open = shape.find((dimension) => dimension === null || dimension === undefined);
  if (open !== undefined) throw new RangeError(`the model ${model.name} must have an input of a fixed shape`);
  const first = model.layers.find((layer) => layer.getClassName() === 'InputLayer');
  const name = first?.name ?? 'input';
  const architecture: Layer[] = [{ type: 'input', name, shape: shape as number[] }];
  for (const keras of model.layers) {
    if (keras === first) continue;
    // A sequential model's first layer has its input made for it, by a name that nobody has chosen.
    const before = architecture.length === 1 && first === undefined ? [name] : sourcesOf(keras);
    architecture.push(...layersOf(keras, before, architecture.at(-1)!.name));
  }
  return withSoftmaxInDense(architecture);
}

function sourcesOf({ inboundNodes }: KerasLayer): readonly string[] {
  return inboundNodes.flatMap(({ inboundLayers }) => inboundLayers.map(({ name }) => name));
}

function layersOf(keras: KerasLayer, sources: readonly string[], last: string): readonly Layer[] {
  const { name } = keras;
  const className = keras.getClassName();
  if (className === 'Add') {
    const [other] = sources.filter((source) => source !== last);
    if (sources.length !== 2 || other === undefined || !sources.includes(last)) {
      throw new RangeError(`${name} must add the layer before it, ${last}, and one other`);
    }
    return [{ type: 'add', name, with: other }];
  }
  if (sources.length !== 1 || sources[0] !== last) {
    throw new RangeError(
      `${name} takes ${sources.join(' and ')}, and the layer before it is ${last}: the only branches are those of an Add`,
    );
  }
  const config = keras.getConfig() as Config;
  assertPlain(name, config);
  const layer = layerOf(name, className, config);
  return layer === null ? [] : [layer];
}

/** Null for a layer that passes its input on. */
function layerOf(name: string, className: string, config: Config): Layer | null {
  switch (className) {
    case 'Conv2D': {
      assertDefault(name, config, { dataFormat: 'channelsLast' });
      if (squareOf(name, 'dilationRate', config['dilationRate'] ?? 1) !== 1) throw unsupported(name, 'dilationRate');
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
    }
    case 'Dense': {
      const activation = config['activation'] === 'softmax' ? 'softmax' : activationOf(name, config);
      return { type: 'dense', name, units: config['units'] as number, activation, ...noBias(config) };
    }
    case 'BatchNormalization': {
      assertDefault(name, config, { center: true, scale: true });
      const { momentum, epsilon } = config as { momentum: number; epsilon: number };
      return { type: 'batch-normalization', name, momentum, epsilon };
    }
    case 'MaxPooling2D':
    case 'AveragePooling2D': {
      assertDefault(name, config, { padding: 'valid', dataFormat: 'channelsLast' });
      const poolSize = squareOf(name, 'poolSize', config['poolSize']);
      if (squareOf(name, 'strides', config['strides'] ?? poolSize) !== poolSize) throw unsupported(name, 'strides');
      return { type: className === 'MaxPooling2D' ? 'max-pooling2d' : 'average-pooling2d', name, poolSize };
    }
    case 'GlobalAveragePooling2D':
      return { type: 'global-average-pooling2d', name };
    case 'Rescaling':
      assertDefault(name, config, { offset: 0 });
      return { type: 'rescaling', name, scale: config['scale'] as number };
    case 'Flatten':
      return { type: 'flatten', name };
    case 'Dropout':
      if (config['noiseShape'] != null) throw unsupported(name, 'noiseShape');
      return { type: 'dropout', name, rate: config['rate'] as number };
    case 'Activation': {
      if (config['activation'] === 'softmax') return { type: 'dense', name, units: 0, activation: 'softmax' };
      const activation = activationOf(name, config);
      return activation === 'linear' ? null : { type: 'activation', name, activation };
    }
    case 'ReLU':
      if (config['maxValue'] != null) throw unsupported(name, 'maxValue');
      return { type: 'activation', name, activation: 'relu' };
    default:
      throw new RangeError(
        `${name} is a ${className}, which Convoy does not train; it does Conv2D, Dense, BatchNormalization, MaxPooling2D, AveragePooling2D, GlobalAveragePooling2D, Flatten, Rescaling, Dropout, Add, Activation and ReLU`,
      );
  }
}

/** Regularization is the optimizer's `weightDecay`; a constraint has no counterpart. */
function assertPlain(name: string, config: Config): void {
  const odd = Object.entries(config).find(
    ([option, value]) => /(Regularizer|Constraint)$/.test(option) && value !== null && value !== undefined,
  );
  if (odd !== undefined) throw unsupported(name, odd[0]);
}

function assertDefault(name: string, config: Config, defaults: Config): void {
  for (const [option, value] of Object.entries(defaults)) {
    if (config[option] !== undefined && config[option] !== null && config[option] !== value)
      throw unsupported(name, option);
  }
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

function unsupported(name: string, option: string): RangeError {
  return new RangeError(`${name} has a ${option} that Convoy does not train with: leave it at its default`);
}

/** A softmax that is a layer of its own belongs to the dense layer before it. */
function withSoftmaxInDense(architecture: readonly Layer[]): Architecture {
  const last = architecture.at(-1)!;
  const before = architecture.at(-2);
  if (last.type !== 'dense' || last.units !== 0) return architecture;
  if (before?.type !== 'dense' || before.activation !== 'linear') {
    throw new RangeError(`${last.name} must come behind a Dense without an activation`);
  }
  return [...architecture.slice(0, -2), { ...before, activation: 'softmax' }];
}
