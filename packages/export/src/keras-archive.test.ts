import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { readHdf5 } from './hdf5.fixture.ts';
import { kerasArchive } from './keras-archive.ts';
import { kerasWeights } from './keras-weights.ts';
import { small } from './trained-model.fixture.ts';

describe('a .keras file', () => {
  it('holds what Keras looks for, the weights and where they come from', async () => {
    const entries = unzipSync(await kerasArchive(small));
    expect(Object.keys(entries)).toEqual(['metadata.json', 'config.json', 'model.weights.h5']);
    const parsed = (name: string) => JSON.parse(new TextDecoder().decode(entries[name])) as Record<string, unknown>;
    expect(parsed('metadata.json')).toMatchObject({ convoy: { model: 'small', ...small.origin } });
    expect(parsed('config.json')).toMatchObject({
      class_name: 'Functional',
      config: { name: 'small', input_layers: ['image', 0, 0], output_layers: ['classes', 0, 0] },
    });
    const weights = (await readHdf5(await kerasWeights(small))).variables;
    expect((await readHdf5(entries['model.weights.h5']!)).variables).toEqual(weights);
  });
});
