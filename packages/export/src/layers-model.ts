import type { Model } from '@convoy/model/architecture';
import { float32Bytes } from '@convoy/protocol/tensor';
import { kerasLayers } from './keras-layer.ts';
import { assertFits, type TrainedModel } from './trained-model.ts';

/** Larger weights are cut into files of this size, as TensorFlow.js's own converter does: browsers cache them so. */
const SHARD_BYTES = 4 * 2 ** 20;

/**
 * The files of a LayersModel, which `tf.loadLayersModel` of TensorFlow.js opens: `model.json` and the weights it names.
 * Weights have the names that the layers give them, `conv2d/kernel`; the shards together are the run's flat vector.
 */
export function layersModelFiles(trained: TrainedModel): ReadonlyMap<string, Uint8Array> {
  assertFits(trained);
  const { name, model, values, origin } = trained;
  const bytes = float32Bytes(values);
  const count = Math.ceil(bytes.length / SHARD_BYTES);
  const shards = Array.from(
    { length: count },
    (_, n) => [`group1-shard${n + 1}of${count}.bin`, bytes.subarray(n * SHARD_BYTES, (n + 1) * SHARD_BYTES)] as const,
  );
  const description = {
    format: 'layers-model',
    generatedBy: 'Convoy',
    convertedBy: null,
    modelTopology: topology(name, model),
    weightsManifest: [
      {
        paths: shards.map(([path]) => path),
        weights: model.tensors.map(({ name: weight, shape }) => ({ name: weight, shape, dtype: 'float32' })),
      },
    ],
    userDefinedMetadata: { model: name, modelHash: model.hash, ...origin },
  };
  const json = new TextEncoder().encode(`${JSON.stringify(description, null, 2)}\n`);
  return new Map<string, Uint8Array>([['model.json', json], ...shards]);
}

/** A functional model in the words of Keras 2, which are LayersModel's. */
function topology(name: string, model: Model) {
  const shape = model.layers[0]!.outputShape;
  const layers = kerasLayers(model).map(({ className, config, inputs }) => ({
    class_name: className,
    name: config.name,
    config:
      className === 'InputLayer'
        ? { ...config, batch_input_shape: [null, ...shape], dtype: 'float32', sparse: false }
        : config,
    inbound_nodes: inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])],
  }));
  return {
    class_name: 'Model',
    config: {
      name,
      layers,
      input_layers: [[layers[0]!.name, 0, 0]],
      output_layers: [[layers.at(-1)!.name, 0, 0]],
    },
    // The version of the format, not of a library that was used: the words of `config` are those of Keras 2.
    keras_version: '2.15.0',
    backend: 'tensorflow',
  };
}
