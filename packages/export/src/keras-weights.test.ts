import { describe, expect, it } from 'vitest';
import { readHdf5 } from './hdf5.fixture.ts';
import { kerasWeights } from './keras-weights.ts';
import { tensorValues } from './trained-model.ts';
import { small } from './trained-model.fixture.ts';

describe('the weights for Keras', () => {
  it('stand by the class of their layer, numbered from the second of a class on, kernels before biases', async () => {
    const { variables } = await readHdf5(await kerasWeights(small));
    const places = {
      'layers/conv2d/vars/0': 'stem/kernel',
      'layers/batch_normalization/vars/0': 'norm/gamma',
      'layers/batch_normalization/vars/1': 'norm/beta',
      'layers/batch_normalization/vars/2': 'norm/moving_mean',
      'layers/batch_normalization/vars/3': 'norm/moving_variance',
      'layers/conv2d_1/vars/0': 'branch/kernel',
      'layers/conv2d_1/vars/1': 'branch/bias',
      'layers/conv2d_2/vars/0': 'wide/kernel',
      'layers/conv2d_2/vars/1': 'wide/bias',
      'layers/dense/vars/0': 'hidden/kernel',
      'layers/dense/vars/1': 'hidden/bias',
      'layers/dense_1/vars/0': 'classes/kernel',
      'layers/dense_1/vars/1': 'classes/bias',
    };
    expect([...variables.keys()].toSorted()).toEqual(Object.keys(places).toSorted());
    for (const [path, name] of Object.entries(places)) {
      const entry = small.model.tensors.find((tensor) => tensor.name === name)!;
      expect(variables.get(path)).toEqual({ shape: entry.shape, values: tensorValues(small, entry) });
    }
  });

  it("carry the layers' own names, of those without variables too", async () => {
    const { names } = await readHdf5(await kerasWeights(small));
    expect(Object.fromEntries(names)).toMatchObject({
      vars: 'small',
      'layers/input_layer/vars': 'image',
      'layers/max_pooling2d/vars': 'pool',
      'layers/add/vars': 'sum',
      'layers/dense_1/vars': 'classes',
    });
    expect(names.size).toBe(small.model.layers.length + 1);
  });
});
