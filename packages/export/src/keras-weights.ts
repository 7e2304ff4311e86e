import { File, ready } from 'h5wasm';
import { kerasLayers } from './keras-layer.ts';
import { assertFits, tensorValues, type TrainedModel } from './trained-model.ts';

/**
 * A `.weights.h5` of Keras 3: HDF5 with a group for each layer, called by the layer's class and its number among the
 * layers of that class, and the layer's variables in it by their number. So it fits every model with these layers in
 * this order, whatever their names: the lesson's own code, too.
 *
 * Exported again, the values are the same, and the file is but for the time of writing, which HDF5 keeps of each tensor.
 */
export async function kerasWeights(trained: TrainedModel): Promise<Uint8Array> {
  assertFits(trained);
  const { FS } = await ready;
  // In the library's own file system, which is memory.
  const path = '/model.weights.h5';
  const file = new File(path, 'w', { libver: ['earliest', 'v110'] });
  try {
    const root = file.create_group('layers');
    const layers = kerasLayers(trained.model);
    const names = groupNames(layers.map(({ className }) => className));
    for (const [index, { config }] of layers.entries()) {
      const variables = root.create_group(names[index]!).create_group('vars');
      variables.create_attribute('name', config.name);
      for (const [n, entry] of trained.model.layers[index]!.parameters.entries()) {
        const data = tensorValues(trained, entry);
        variables.create_dataset({ name: String(n), data, shape: [...entry.shape], dtype: '<f' });
      }
    }
    file.create_group('vars').create_attribute('name', trained.name);
  } finally {
    file.close();
  }
  try {
    return FS.readFile(path);
  } finally {
    FS.unlink(path);
  }
}

/** As Keras names them: `Conv2D` is conv2d, the next is conv2d_1. */
function groupNames(classNames: readonly string[]): readonly string[] {
  const used = new Map<string, number>();
  return classNames.map((className) => {
    const name = className
      .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
      .replace(/([a-z])([A-Z])/g, '$1_$2')
      .toLowerCase();
    const number = used.get(name) ?? 0;
    used.set(name, number + 1);
    return number === 0 ? name : `${name}_${number}`;
  });
}
