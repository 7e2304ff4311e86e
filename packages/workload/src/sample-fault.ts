import { countOf } from '@convoy/protocol/event-words';
import type { Inputs } from '@convoy/model/dataset';

/** What is wrong with a sample's input, to follow "sample 3 of train"; null for nothing. Bytes are always right. */
export function faultOfInput(input: Inputs): string | null {
  if (input instanceof Uint8Array) return null;
  // `findIndex` calls a function for each value: a large sample would be slow to check.
  for (let at = 0; at < input.length; at++) {
    if (!Number.isFinite(input[at]!)) return `has ${input[at]!} at input ${at}${HINTS[String(input[at]!)] ?? ''}`;
  }
  return null;
}

/** What most likely led to it. */
const HINTS: Readonly<Record<string, string>> = {
  Infinity: ': float32 ends at 3.4e38',
  '-Infinity': ': float32 ends at -3.4e38',
};

/** What is wrong with a label, which may be a list of one, as in Keras; null for nothing. @param classes as many as there are. */
export function faultOfLabel(truth: unknown, classes: number): string | null {
  const labels = `labels are whole numbers from 0 to ${classes - 1}`;
  if (truth === undefined || truth === null) return `has no label: read returned ${String(truth)}, and ${labels}`;
  if (isPromise(truth)) return GAVE_A_PROMISE;
  if (isList(truth) && truth.length !== 1) {
    return `has a list of ${truth.length} for a label; ${labels}: the number of the class, not one value for each class`;
  }
  const label = isList(truth) ? truth[0] : truth;
  if (typeof label !== 'number') return `has the label ${described(label)}; ${labels}`;
  return Number.isInteger(label) && label >= 0 && label < classes ? null : `has the label ${label}; ${labels}`;
}

/** What is wrong with the values that are regressed on: a number, or a list of as many as the model has outputs; null for nothing. */
export function faultOfValues(truth: unknown, outputs: number): string | null {
  const wanted = `the model has ${countOf(outputs, 'output')}`;
  if (truth === undefined || truth === null) return `has no values: read returned ${String(truth)}, and ${wanted}`;
  if (isPromise(truth)) return GAVE_A_PROMISE;
  const values = isList(truth) ? Array.from(truth) : [truth];
  if (values.length !== outputs) return `has ${countOf(values.length, 'value')}, and ${wanted}`;
  for (const [at, value] of values.entries()) {
    if (typeof value !== 'number') return `has ${described(value)} at value ${at}, where a number must be`;
    if (!Number.isFinite(value)) return `has ${value} at value ${at}`;
    if (!Number.isFinite(Math.fround(value))) return `has ${value} at value ${at}: float32 ends at 3.4e38`;
  }
  return null;
}

const GAVE_A_PROMISE = 'is a promise: read must return the sample itself, so open and await files in dataset()';

function isList(truth: unknown): truth is ArrayLike<unknown> {
  return Array.isArray(truth) || (ArrayBuffer.isView(truth) && !(truth instanceof DataView));
}

function isPromise(truth: unknown): boolean {
  return typeof (truth as { readonly then?: unknown }).then === 'function';
}

/** A value with its type where that is what is wrong: the text "0" looks like a label. */
function described(value: unknown): string {
  if (typeof value === 'string') return `${JSON.stringify(value)}, a string`;
  return typeof value === 'object'
    ? `of type ${value === null ? 'null' : 'object'}`
    : `${String(value)}, a ${typeof value}`;
}
