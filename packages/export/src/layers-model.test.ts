import { describe, expect, it } from 'vitest';
import { EagerProgram } from '@convoy/engine/eager-program';
import { loadEngine } from '@convoy/engine/backends/load';
import { models } from '@convoy/cifar10/models';
import { float32Bytes } from '@convoy/protocol/tensor';
import { placeArchitecture } from '@convoy/model/architecture';
import { withNamesFor } from './consumer-names.ts';
import { layersModelFiles } from './layers-model.ts';
import type { TrainedModel } from './trained-model.ts';
import { pooled, small, trainedModel } from './trained-model.fixture.ts';

interface ModelJson {
  readonly modelTopology: object;
  readonly weightsManifest: readonly [{ readonly paths: readonly string[]; readonly weights: readonly WeightSpec[] }];
  readonly userDefinedMetadata: Record<string, unknown>;
}
interface WeightSpec {
  readonly name: string;
  readonly shape: number[];
  readonly dtype: 'float32';
}

const engine = await loadEngine({ engine: 'auto', threads: 1, onFallback: (reason) => console.info(reason) });
const { tf } = engine;

function read(trained: TrainedModel) {
  const files = layersModelFiles(trained);
  const json = JSON.parse(new TextDecoder().decode(files.get('model.json'))) as ModelJson;
  const [{ paths, weights }] = json.weightsManifest;
  const bytes = Buffer.concat(paths.map((path) => files.get(path)!));
  return { files, json, paths, weights, bytes };
}

async function open(trained: TrainedModel) {
  const { json, weights, bytes } = read(trained);
  const { modelTopology, userDefinedMetadata } = json;
  const weightData = Uint8Array.from(bytes).buffer;
  const weightSpecs = [...weights];
  return tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData, userDefinedMetadata }));
}

describe.each([small, pooled])('the LayersModel of $name', (trained) => {
  const { model, values, origin } = trained;
  const [height, width, channels] = model.layers[0]!.outputShape as [number, number, number];
  const images = Uint8Array.from({ length: 2 * height * width * channels }, (_, i) => (i * 157) % 256);

  it('gives the probabilities that Convoy gives', async () => {
    const program = new EagerProgram(engine, model);
    program.setParameters(values);
    const layersModel = await open(trained);
    const ours = program.predict(images);
    const shape: [number, number, number, number] = [2, height, width, channels];
    const theirs = tf.tidy(() => {
      const outputs_NC = layersModel.predict(tf.tensor4d(images, shape, 'float32').div(255));
      return (Array.isArray(outputs_NC) ? outputs_NC[0]! : outputs_NC).dataSync<'float32'>();
    });
    expect(ours).toHaveLength(2 * model.outputs);
    // Rounding to float32 of a softmax.
    for (const [n, probability] of ours.entries()) expect(Math.abs(theirs[n]! - probability)).toBeLessThan(1e-6);
    layersModel.dispose();
    program.dispose();
  });

  it('has the names and the trained and untrained weights of the architecture, and knows its run', async () => {
    const layersModel = await open(trained);
    expect(layersModel.name).toBe(trained.name);
    expect(layersModel.layers.map(({ name }) => name)).toEqual(model.layers.map(({ layer }) => layer.name));
    expect(layersModel.countParams()).toBe(model.parameterCount);
    const trainable = layersModel.trainableWeights.map(({ originalName }) => originalName);
    const names = model.tensors.filter(({ momentum }) => momentum === undefined).map(({ name }) => name);
    expect(trainable.toSorted()).toEqual(names.toSorted());
    expect(layersModel.getUserDefinedMetadata()).toMatchObject({ model: trained.name, ...origin });
    layersModel.dispose();
  });
});

describe('a LayersModel of more than four megabytes', () => {
  it("has its weights in several files, which together are the run's vector", () => {
    const trained = trainedModel('resnet', models.resnet);
    const { files, paths, bytes } = read(trained);
    expect([...files.keys()]).toEqual(['model.json', 'group1-shard1of2.bin', 'group1-shard2of2.bin']);
    expect(paths).toEqual([...files.keys()].slice(1));
    expect(bytes.equals(float32Bytes(trained.values))).toBe(true);
  });
});

describe('a LayersModel of layers whose names TensorFlow.js refuses', () => {
  it('is opened under other names, with the same values', async () => {
    const given = trainedModel(
      'named',
      placeArchitecture([
        { type: 'input', name: 'in', shape: [3] },
        { type: 'dense', name: 'größe 1/dense', units: 2, activation: 'softmax' },
      ]),
    );
    await expect(open(given)).rejects.toThrow('Not a valid tensor name');
    const layersModel = await open(withNamesFor('tensorflow.js', given).trained);
    expect(layersModel.layers.map(({ name }) => name)).toEqual(['in', 'gr__e_1/dense']);
    expect([...layersModel.getWeights()[0]!.dataSync<'float32'>()]).toEqual([...given.values.subarray(0, 6)]);
    layersModel.dispose();
  });
});
