import { expect, test } from 'vitest';
import { MAX_SPANS, packSpans, unpackSpans, type Span } from './lease-spans.ts';

const spans: readonly Span[] = [
  { kind: 'decode', fromMs: 1_000.25, toMs: 1_001 },
  { kind: 'compute', fromMs: 1_001, toMs: 1_090.5 },
];

test('spans come back from their bytes, wherever those lie', () => {
  const bytes = packSpans(spans);
  const shifted = new Uint8Array(bytes.byteLength + 3).subarray(3);
  shifted.set(bytes);
  expect(unpackSpans(shifted)).toEqual(spans);
  expect(unpackSpans(packSpans([]))).toEqual([]);
});

test('of more spans than there is room for, the first are kept', () => {
  const many = Array.from({ length: MAX_SPANS + 5 }, (_, i): Span => ({ kind: 'compute', fromMs: i, toMs: i + 1 }));
  expect(unpackSpans(packSpans(many))).toEqual(many.slice(0, MAX_SPANS));
});

test.each([
  ['cut short', packSpans(spans).subarray(1)],
  ['too many', new Uint8Array((MAX_SPANS + 1) * 24)],
  ['of an unknown kind', new Uint8Array(new Float64Array([9, 0, 1]).buffer)],
  ['of half a kind', new Uint8Array(new Float64Array([0.5, 0, 1]).buffer)],
  ['that end before they begin', new Uint8Array(new Float64Array([1, 2, 1]).buffer)],
  ['without a time', new Uint8Array(new Float64Array([1, NaN, 1]).buffer)],
])('bytes of spans that are %s are none', (_, bytes) => expect(unpackSpans(bytes)).toBeNull());
