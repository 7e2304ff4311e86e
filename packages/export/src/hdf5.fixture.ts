import { Dataset, File, Group, ready } from 'h5wasm';

/**
 * Reads an HDF5 file: the attribute `name` of every group that has one, and every dataset, by their paths.
 * @throws Error when a dataset is not of little-endian float32.
 */
export async function readHdf5(bytes: Uint8Array) {
  const { FS } = await ready;
  FS.writeFile('/read.h5', bytes);
  const file = new File('/read.h5', 'r');
  const names = new Map<string, unknown>();
  const variables = new Map<string, { shape: readonly number[]; values: unknown }>();
  for (const path of file.paths()) {
    const entity = file.get(path);
    if (entity instanceof Group && 'name' in entity.attrs) names.set(path, entity.attrs['name']!.value);
    if (entity instanceof Dataset) {
      if (entity.dtype !== '<f') throw new Error(`${path} is ${String(entity.dtype)}`);
      variables.set(path, { shape: entity.shape!, values: entity.value });
    }
  }
  file.close();
  FS.unlink('/read.h5');
  return { names, variables };
}
