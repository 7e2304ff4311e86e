import { float32Bytes } from '@convoy/protocol/tensor';
import { assertFits, tensorValues, type TrainedModel } from './trained-model.ts';

/** The header is filled up with spaces so that the values begin at a multiple of this. */
const ALIGNMENT = 8;

/**
 * A safetensors file (https://huggingface.co/docs/safetensors): the header's length as a uint64, the header as JSON, the values.
 * Names have dots, `conv2d.kernel`, and tensors stand in the order of their names, as the format's own library writes
 * them; shapes are TensorFlow's. `__metadata__` has strings only: lists are JSON in it.
 */
export function safetensorsFile(trained: TrainedModel): Uint8Array {
  assertFits(trained);
  const { name, model, origin } = trained;
  const { run, step, parametersSha256, classNames, input } = origin;
  const tensors = model.tensors
    .map((entry) => ({ ...entry, name: entry.name.replaceAll('/', '.') }))
    // By code units: a locale's order is not everybody's.
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  let end = 0;
  const entries = tensors.map(({ name: tensor, shape, size }) => {
    const start = end;
    end += size * Float32Array.BYTES_PER_ELEMENT;
    return [tensor, { dtype: 'F32', shape, data_offsets: [start, end] }] as const;
  });
  const metadata = {
    format: 'tf',
    generated_by: 'Convoy',
    model: name,
    model_hash: model.hash,
    architecture: JSON.stringify(model.layers.map(({ layer }) => layer)),
    run,
    step: String(step),
    parameters_sha256: parametersSha256,
    class_names: JSON.stringify(classNames),
    input,
  };
  const header = new TextEncoder().encode(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }));
  const headerBytes = Math.ceil(header.length / ALIGNMENT) * ALIGNMENT;
  const file = new Uint8Array(8 + headerBytes + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(' '.charCodeAt(0), 8, 8 + headerBytes);
  file.set(header, 8);
  for (const [index, entry] of tensors.entries()) {
    file.set(float32Bytes(tensorValues(trained, entry)), 8 + headerBytes + entries[index]![1].data_offsets[0]!);
  }
  return file;
}
