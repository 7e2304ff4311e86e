import type { KerasLayer, LayersModel } from '@convoy/model/workload';
import type { Architecture } from '@convoy/model/architecture';
import type { Layer } from '@convoy/model/layers';
import { kerasClass, type KerasClass } from './keras-classes.ts';
import { assertOptions, drawnOptions, type Config } from './keras-options.ts';

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
    assertOptions(keras.name, classOf(keras).options, keras.getConfig() as Config);
    if (keras === first) continue;
    // A sequential model's first layer has its input made for it, by a name that nobody has chosen.
    const before = architecture.length === 1 && first === undefined ? [name] : sourcesOf(keras);
    architecture.push(...layersOf(keras, before, architecture.at(-1)!.name));
  }
  return withSoftmaxInDense(architecture);
}

/** What of a model is not taken, in a line: its weights, and what else it says about them and about its training. */
export function notTaken(model: LayersModel): string {
  const drawn = model.layers.flatMap((layer) => {
    const options = drawnOptions(classOf(layer).options, layer.getConfig() as Config);
    return options.length === 0 ? [] : [`${layer.name}: ${options.join(', ')}`];
  });
  const instead = drawn.length === 0 ? '' : `, in place of what its layers ask for (${drawn.join('; ')})`;
  const { optimizer, loss } = model;
  const compiled = [
    ...(optimizer === undefined || optimizer === null ? [] : [`the optimizer ${optimizer.getClassName()}`]),
    ...(loss === undefined || loss === null ? [] : [typeof loss === 'string' ? `the loss ${loss}` : 'a loss']),
  ];
  const settings =
    compiled.length === 0 ? '' : `. Nor is what compile() was given, ${compiled.join(' and ')}: the run has its own`;
  return `the layers of the model ${model.name} are taken and its weights are not: the run's seed draws new ones, Glorot-uniform for kernels${instead}${settings}`;
}

function sourcesOf({ name, inboundNodes }: KerasLayer): readonly string[] {
  if (inboundNodes.length > 1) {
    throw new RangeError(`${name} is applied ${inboundNodes.length} times; Convoy applies a layer once`);
  }
  return inboundNodes.flatMap(({ inboundLayers }) => inboundLayers.map(({ name }) => name));
}

/** @throws RangeError naming a layer whose class Convoy does not train. */
function classOf(keras: KerasLayer): KerasClass {
  return kerasClass(keras.name, keras.getClassName());
}

function layersOf(keras: KerasLayer, sources: readonly string[], last: string): readonly Layer[] {
  const { name } = keras;
  if (keras.getClassName() === 'Add') {
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
  const layer = classOf(keras).read(name, keras.getConfig() as Config);
  return layer === null ? [] : [layer];
}

/** A softmax that is a layer of its own belongs to the dense layer before it. */
function withSoftmaxInDense(architecture: readonly Layer[]): Architecture {
  const inner = architecture.slice(0, -1).find((layer) => layer.type === 'dense' && layer.units === 0);
  if (inner !== undefined) throw new RangeError(`${inner.name} has a softmax, which only the last layer can have`);
  const last = architecture.at(-1)!;
  const before = architecture.at(-2);
  if (last.type !== 'dense' || last.units !== 0) return architecture;
  if (before?.type !== 'dense' || before.activation !== 'linear') {
    throw new RangeError(`${last.name} must come behind a Dense without an activation`);
  }
  return [...architecture.slice(0, -2), { ...before, activation: 'softmax' }];
}
