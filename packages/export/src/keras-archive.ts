import { zipSync } from 'fflate';
import type { Model } from '@convoy/model/architecture';
import { kerasLayers } from './keras-layer.ts';
import { kerasWeights } from './keras-weights.ts';
import type { TrainedModel } from './trained-model.ts';

/** Whose format this is. Every Keras 3 reads it, for options that a later one added are left out. */
const KERAS_VERSION = '3.15.1';

/** The first moment that a ZIP archive can state: the same export gives the same entries whenever it is made. */
const EPOCH = new Date(1980, 0, 1);

/**
 * A `.keras` file of Keras 3, which `keras.models.load_model` opens without the code of the model: a ZIP archive, stored, of the
 * functional model's configuration and its weights. What Convoy has to say is in `metadata.json` under `convoy`.
 */
export async function kerasArchive(trained: TrainedModel): Promise<Uint8Array> {
  const { name, model, origin } = trained;
  const metadata = { keras_version: KERAS_VERSION, convoy: { model: name, model_hash: model.hash, ...origin } };
  const entries = {
    'metadata.json': json(metadata),
    'config.json': json(configuration(name, model)),
    'model.weights.h5': await kerasWeights(trained),
  };
  return zipSync(entries, { level: 0, mtime: EPOCH });
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** What `serialize_keras_object` of Keras 3 gives for a functional model. */
function configuration(name: string, model: Model) {
  const shapes = new Map(model.layers.map(({ layer, outputShape }) => [layer.name, [null, ...outputShape]]));
  const tensor = (from: string) => ({
    class_name: '__keras_tensor__',
    config: { shape: shapes.get(from)!, dtype: 'float32', keras_history: [from, 0, 0] },
  });
  const layers = kerasLayers(model).map(({ className, config, inputs }) => {
    const tensors = inputs.map(tensor);
    const own = className === 'InputLayer' ? { batch_shape: shapes.get(config.name) } : {};
    return {
      module: 'keras.layers',
      class_name: className,
      config: { ...config, ...own, dtype: 'float32' },
      registered_name: null,
      name: config.name,
      // One input stands alone, several are a list.
      inbound_nodes: tensors.length === 0 ? [] : [{ args: tensors.length === 1 ? tensors : [tensors], kwargs: {} }],
    };
  });
  const end = (layer: (typeof layers)[number]) => [layer.name, 0, 0];
  return {
    module: 'keras.src.models.functional',
    class_name: 'Functional',
    config: {
      name,
      trainable: true,
      layers,
      input_layers: end(layers[0]!),
      output_layers: end(layers.at(-1)!),
    },
    registered_name: 'Functional',
  };
}
