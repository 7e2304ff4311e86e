import { describe, expect, it } from 'vitest';
import { safetensorsFile } from './safetensors.ts';
import { parseSafetensors } from './safetensors.fixture.ts';
import { tensorValues } from './trained-model.ts';
import { small } from './trained-model.fixture.ts';

describe('a safetensors file', () => {
  const file = safetensorsFile(small);
  const { metadata, tensors } = parseSafetensors(file);

  it('holds every tensor with its shape and bits, moving statistics too, in the order of the names', () => {
    const names = small.model.tensors.map(({ name }) => name.replace('/', '.'));
    expect([...tensors.keys()]).toEqual(names.toSorted());
    expect(names).toContain('norm.moving_variance');
    for (const entry of small.model.tensors) {
      const { shape, values } = tensors.get(entry.name.replace('/', '.'))!;
      expect(shape).toEqual(entry.shape);
      expect(values).toEqual(tensorValues(small, entry));
    }
  });

  it('begins its values at a multiple of eight bytes', () => {
    expect(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8).toBe(0);
  });

  it('says in strings where it comes from and what to build', () => {
    expect(metadata).toMatchObject({ format: 'tf', model: 'small', run: 'test-run', step: '3', input: 'value / 255' });
    expect(JSON.parse(metadata['class_names']!)).toEqual(small.origin.classNames);
    expect(JSON.parse(metadata['architecture']!)).toEqual(small.model.layers.map(({ layer }) => layer));
  });

  it("is the same bytes for the same parameters, and refuses another model's", () => {
    expect(safetensorsFile(small)).toEqual(file);
    expect(() => safetensorsFile({ ...small, values: new Float32Array(3) })).toThrow(
      /^small has \d+ parameters, not 3$/,
    );
  });
});
