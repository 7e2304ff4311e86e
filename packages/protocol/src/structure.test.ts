import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { assertModest, type Size } from './structure.ts';

const most: Size = { items: 256, depth: 8 };
const packr = new Packr({ useRecords: false });

/** Nested as deep as asked: {a: {a: … 1}}. */
function nested(depth: number): unknown {
  return depth === 0 ? 1 : { a: nested(depth - 1) };
}

/** `head`, then `count` times the same byte. */
function repeated(head: readonly number[], byte: number, count: number): Uint8Array {
  return Uint8Array.from([...head, ...Array<number>(count).fill(byte)]);
}

describe('assertModest', () => {
  it.each([
    null,
    true,
    -1,
    -200,
    70_000,
    2 ** 40,
    1.5,
    NaN,
    '',
    'x'.repeat(40),
    'x'.repeat(300),
    'x'.repeat(70_000),
    new Uint8Array(70_000),
    [1, [2, 'three']],
    Array.from({ length: 20 }, (_, i) => i),
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key${i}`, i])),
    nested(7),
  ])('lets by what a message may hold (%#)', (value) => {
    expect(() => assertModest(packr.pack(value), most)).not.toThrow();
  });

  it.each([
    ['nothing', new Uint8Array(0), 'it ends early'],
    ['a string longer than its bytes', Uint8Array.of(0xdb, 0xff, 0xff, 0xff, 0xff, 1), 'it ends early'],
    ['a map that is not there', Uint8Array.of(0xdf, 0, 0, 0, 9), 'it ends early'],
    ['a length cut in half', Uint8Array.of(0xc6, 0, 0), 'it ends early'],
    ['an array of four thousand million', Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff), 'more than 256 items'],
    ['a million empty maps', repeated([0xdd, 0, 0x0f, 0x42, 0x40], 0x80, 1_000_000), 'more than 256 items'],
    ['nine maps inside each other', packr.pack(nested(9)), 'nested deeper than 8'],
    ['a million arrays inside each other', repeated([], 0x91, 1_000_000), 'nested deeper than 8'],
    ['an extension', Uint8Array.of(0xd4, 0x72, 0x40), 'tag 0xd4 is no part of a message'],
    ['a date', packr.pack(new Date(0)), 'is no part of a message'],
    ['the tag that is never used', Uint8Array.of(0xc1), 'tag 0xc1 is no part of a message'],
  ])('refuses %s', (_, bytes, reason) => {
    expect(() => assertModest(bytes, most)).toThrow(reason);
  });
});
