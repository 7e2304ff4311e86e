import { describe, expect, it } from 'vitest';
import { placeArchitecture } from '@convoy/model/architecture';
import { withNamesFor, type Consumer } from './consumer-names.ts';
import { small, trainedModel } from './trained-model.fixture.ts';

function named(...names: readonly [string, string, string]) {
  const [input, first, second] = names;
  return trainedModel(
    'named',
    placeArchitecture([
      { type: 'input', name: input, shape: [3] },
      { type: 'dense', name: first, units: 3, activation: 'relu' },
      { type: 'add', name: second, with: input },
      { type: 'dense', name: 'out', units: 2, activation: 'softmax' },
    ]),
  );
}

describe.each<Consumer>(['tensorflow.js', 'keras', 'safetensors'])('the names for %s', (consumer) => {
  it('are those of the model where they are right for it', () => {
    expect(withNamesFor(consumer, small)).toEqual({ trained: small, renamed: [] });
  });
});

describe('names that a loader refuses', () => {
  it('are replaced wherever the layer is mentioned, and the values stay', () => {
    const given = named('in put', 'block1/dense_1', 'größe');
    const { trained, renamed } = withNamesFor('keras', given);
    expect(renamed).toEqual([
      { from: 'in put', to: 'in_put' },
      { from: 'block1/dense_1', to: 'block1_dense_1' },
      { from: 'größe', to: 'gr__e' },
    ]);
    expect(trained.model.layers.map(({ layer }) => layer)).toMatchObject([
      { name: 'in_put' },
      { name: 'block1_dense_1' },
      { name: 'gr__e', with: 'in_put' },
      { name: 'out' },
    ]);
    expect(trained.model.tensors.map(({ name }) => name)).toEqual([
      'block1_dense_1/kernel',
      'block1_dense_1/bias',
      'out/kernel',
      'out/bias',
    ]);
    expect(trained.model.layers.flatMap(({ parameters }) => parameters)).toEqual(trained.model.tensors);
    expect(trained.values).toBe(given.values);
    expect(trained.model.hash).toBe(given.model.hash);
  });

  it('never become the name of another layer', () => {
    const { renamed } = withNamesFor('keras', named('a_b', 'a/b', 'a b'));
    expect(renamed).toEqual([
      { from: 'a/b', to: 'a_b_1' },
      { from: 'a b', to: 'a_b_2' },
    ]);
    expect(withNamesFor('safetensors', named('x', 'a/b', 'a.b')).renamed).toEqual([{ from: 'a/b', to: 'a.b_1' }]);
  });

  it('begin with what a name begins with', () => {
    const renamed = (consumer: Consumer) => withNamesFor(consumer, named('_in', '-a', 'ä')).renamed.map(({ to }) => to);
    expect(renamed('keras')).toEqual(['layer_in', 'layer_-a', 'layer_']);
    expect(renamed('tensorflow.js')).toEqual(['layer_in', 'layer_-a', 'layer_']);
    expect(renamed('safetensors')).toEqual([]);
  });
});
