/** What a worker does with the time of a lease, in the order in which it is numbered on the wire. */
export const SPAN_KINDS = ['decode', 'read batch', 'compute', 'encode'] as const;
export type SpanKind = (typeof SPAN_KINDS)[number];

/** A stretch of time on one machine's clock, in milliseconds. */
export interface Span {
  readonly kind: SpanKind;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A lease has no more of them on the wire: of more micro-batches, those of the last are left out. */
export const MAX_SPANS = 1_024;
const NUMBERS = 3;
const SPAN_BYTES = NUMBERS * Float64Array.BYTES_PER_ELEMENT;

/** Spans as a message has them: three little-endian float64 each, which are the number of its kind, its beginning and its end. */
export function packSpans(spans: readonly Span[]): Uint8Array {
  const kept = spans.slice(0, MAX_SPANS);
  const view = new DataView(new ArrayBuffer(SPAN_BYTES * kept.length));
  for (const [index, { kind, fromMs, toMs }] of kept.entries()) {
    const numbers = [SPAN_KINDS.indexOf(kind), fromMs, toMs];
    for (const [place, number] of numbers.entries()) view.setFloat64(SPAN_BYTES * index + 8 * place, number, true);
  }
  return new Uint8Array(view.buffer);
}

/** @returns null of bytes that are no spans. */
export function unpackSpans(bytes: Uint8Array): readonly Span[] | null {
  if (bytes.byteLength % SPAN_BYTES !== 0 || bytes.byteLength > MAX_SPANS * SPAN_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const spans: Span[] = [];
  for (let at = 0; at < bytes.byteLength; at += SPAN_BYTES) {
    const kind = SPAN_KINDS[view.getFloat64(at, true)];
    const [fromMs, toMs] = [view.getFloat64(at + 8, true), view.getFloat64(at + 16, true)];
    if (kind === undefined || !Number.isFinite(fromMs) || !Number.isFinite(toMs) || fromMs > toMs) return null;
    spans.push({ kind, fromMs, toMs });
  }
  return spans;
}
