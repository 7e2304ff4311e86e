/** A tensor as a file of the format holds it. */
export interface ReadTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Reads a safetensors file by the rules of the format and no others: an offset, size or byte that they forbid is an error.
 * @throws Error that says which rule was broken.
 */
export function parseSafetensors(file: Uint8Array): {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, ReadTensor>;
} {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  const text = new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(8, 8 + headerBytes));
  if (!/^\{[^]*\} *$/.test(text)) throw new Error('the header is not one object with spaces behind it');
  const { __metadata__: metadata, ...entries } = JSON.parse(text) as Record<string, unknown>;
  for (const value of Object.values(metadata as object)) {
    if (typeof value !== 'string') throw new Error('metadata are strings only');
  }
  const start = 8 + headerBytes;
  const tensors = new Map<string, ReadTensor>();
  let end = 0;
  const inOrder = Object.entries(entries as Record<string, Entry>).sort(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0],
  );
  for (const [name, { dtype, shape, data_offsets: offsets }] of inOrder) {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (dtype !== 'F32') throw new Error(`${name} is ${dtype}`);
    if (offsets[0] !== end || offsets[1] - offsets[0] !== 4 * size) throw new Error(`${name} leaves a gap or overlaps`);
    end = offsets[1];
    const values = Float32Array.from({ length: size }, (_, i) => view.getFloat32(start + offsets[0] + 4 * i, true));
    tensors.set(name, { shape, values });
  }
  if (start + end !== file.length) throw new Error('the file does not end with its last tensor');
  return { metadata: metadata as Record<string, string>, tensors };
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}
