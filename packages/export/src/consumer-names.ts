import type { Model } from '@convoy/model/architecture';
import type { TrainedModel } from './trained-model.ts';

/** What opens an export, as far as it minds what layers are called. */
export type Consumer = 'tensorflow.js' | 'keras' | 'safetensors';

/** A layer that is called otherwise in an export. */
export interface Renaming {
  readonly from: string;
  readonly to: string;
}

/** Names that the consumer's loader takes, as its own code checks them. */
const ALLOWED: Readonly<Record<Consumer, { readonly first: RegExp; readonly rest: RegExp }>> = {
  // `isValidTensorName` of tfjs-layers.
  'tensorflow.js': { first: /[A-Za-z0-9]/, rest: /[A-Za-z0-9._/-]/ },
  // Keras refuses a slash, and TensorFlow, which it computes with, whatever is no name of a scope.
  keras: { first: /[A-Za-z0-9.]/, rest: /[A-Za-z0-9._-]/ },
  // Names are JSON; slashes are written as dots there.
  safetensors: { first: /[^/]/u, rest: /[^/]/u },
};

/** What stands for a character that is not allowed. */
const SUBSTITUTE: Readonly<Record<Consumer, string>> = { 'tensorflow.js': '_', keras: '_', safetensors: '.' };

/**
 * The model with names that the consumer takes, the same name wherever a layer is mentioned, and no two alike. Names that it takes
 * stay as they are.
 */
export function withNamesFor(
  consumer: Consumer,
  trained: TrainedModel,
): { readonly trained: TrainedModel; readonly renamed: readonly Renaming[] } {
  const given = trained.model.layers.map(({ layer }) => layer.name);
  const names = new Map<string, string>();
  const isFree = (name: string) => !taken.has(name);
  const taken = new Set(given.filter((name) => fitted(name, consumer) === name));
  for (const name of given) {
    const wanted = fitted(name, consumer);
    let to = wanted;
    for (let number = 1; wanted !== name && !isFree(to); number++) to = `${wanted}_${number}`;
    taken.add(to);
    names.set(name, to);
  }
  const renamed = Array.from(names, ([from, to]) => ({ from, to })).filter(({ from, to }) => from !== to);
  if (renamed.length === 0) return { trained, renamed };
  return { trained: { ...trained, model: renamedModel(trained.model, names) }, renamed };
}

function fitted(name: string, consumer: Consumer): string {
  const { first, rest } = ALLOWED[consumer];
  const substitute = SUBSTITUTE[consumer];
  const characters = Array.from(name, (character) => (rest.test(character) ? character : substitute));
  const text = characters.join('');
  return first.test(characters[0] ?? '') ? text : `layer${text.startsWith(substitute) ? '' : substitute}${text}`;
}

function renamedModel(model: Model, names: ReadonlyMap<string, string>): Model {
  const layers = model.layers.map(({ layer, ...placed }) => ({
    ...placed,
    layer: {
      ...layer,
      name: names.get(layer.name)!,
      ...('with' in layer ? { with: names.get(layer.with)! } : {}),
    },
    parameters: placed.parameters.map((entry) => ({
      ...entry,
      name: names.get(layer.name)! + entry.name.slice(layer.name.length),
    })),
  }));
  const tensors = [...model.tensors];
  for (const { indices, parameters } of layers) {
    for (const [n, index] of indices.entries()) tensors[index] = parameters[n]!;
  }
  return { ...model, layers, tensors };
}
