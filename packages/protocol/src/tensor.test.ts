import { describe, expect, it } from 'vitest';
import { copyFloat32, float32Bytes } from './tensor.ts';

describe('float32Bytes', () => {
  it('is little-endian and a view', () => {
    const values = Float32Array.of(1, -2);
    expect([...float32Bytes(values)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
    values[0] = -2;
    expect(float32Bytes(values)[3]).toBe(0xc0);
  });
});

describe('copyFloat32', () => {
  it('reads from an unaligned offset', () => {
    const bytes = new Uint8Array(13);
    bytes.set(float32Bytes(Float32Array.of(1.5, 2.5, 3.5)), 1);
    const target = new Float32Array(3);
    copyFloat32(bytes.subarray(1), target);
    expect([...target]).toEqual([1.5, 2.5, 3.5]);
  });

  it('refuses another length', () => {
    expect(() => copyFloat32(new Uint8Array(7), new Float32Array(2))).toThrow('expected 8 bytes of float32, got 7');
  });
});
