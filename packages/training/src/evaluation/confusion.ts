/** Samples by true class (row) and predicted class (column). */
export type Confusion = readonly (readonly number[])[];

/** A class that is taken for another. */
export interface ConfusedPair {
  readonly label: number;
  readonly predicted: number;
  readonly samples: number;
}

const PAIR_BYTES = 8;

/** Counts what each sample of a class is taken for. Counts of blocks add up to those of the whole, in any order. */
export interface ConfusionCount {
  /** @param labels_N the true classes. @param classes_N what the samples are taken for. */
  add(labels_N: Int32Array, classes_N: Int32Array): void;
  /** Adds what {@link toBytes} gave, of another block. */
  merge(bytes: Uint8Array): void;
  /** See {@link import('@convoy/protocol/evaluation-details').EvaluationDetailsSchema}. */
  toBytes(): Uint8Array;
}

/** All pairs of classes. */
export class ConfusionMatrix implements ConfusionCount {
  readonly #classes: number;
  readonly #counts: Uint32Array;

  constructor(classes: number) {
    this.#classes = classes;
    this.#counts = new Uint32Array(classes * classes);
  }

  add(labels_N: Int32Array, classes_N: Int32Array): void {
    for (const [n, label] of labels_N.entries()) this.#counts[label * this.#classes + classes_N[n]!]!++;
  }

  merge(bytes: Uint8Array): void {
    const view = viewOf(bytes);
    for (let at = 0; at < this.#counts.length; at++) this.#counts[at]! += view.getUint32(4 * at, true);
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(4 * this.#counts.length);
    const view = viewOf(bytes);
    this.#counts.forEach((count, at) => view.setUint32(4 * at, count, true));
    return bytes;
  }

  get counts(): number[][] {
    return Array.from({ length: this.#classes }, (_, label) =>
      Array.from(this.#counts.subarray(label * this.#classes, (label + 1) * this.#classes)),
    );
  }
}

/** The pairs of classes that are confused, where a matrix would be too large. */
export class ConfusedPairs implements ConfusionCount {
  readonly #classes: number;
  readonly #counts = new Map<number, number>();

  constructor(classes: number) {
    this.#classes = classes;
  }

  add(labels_N: Int32Array, classes_N: Int32Array): void {
    for (const [n, label] of labels_N.entries()) if (classes_N[n] !== label) this.#count(label, classes_N[n]!, 1);
  }

  merge(bytes: Uint8Array): void {
    for (const { label, predicted, samples } of pairsIn(bytes)) this.#count(label, predicted, samples);
  }

  toBytes(): Uint8Array {
    const keys = [...this.#counts.keys()].sort((a, b) => a - b);
    const bytes = new Uint8Array(PAIR_BYTES * keys.length);
    const view = viewOf(bytes);
    keys.forEach((key, n) => {
      view.setUint16(PAIR_BYTES * n, Math.floor(key / this.#classes), true);
      view.setUint16(PAIR_BYTES * n + 2, key % this.#classes, true);
      view.setUint32(PAIR_BYTES * n + 4, this.#counts.get(key)!, true);
    });
    return bytes;
  }

  /** The pairs that are confused most often; of equals the one of the lower classes. */
  most(count: number): readonly ConfusedPair[] {
    // They come by their classes, and sorting keeps the order of equals.
    return [...pairsIn(this.toBytes())].sort((a, b) => b.samples - a.samples).slice(0, count);
  }

  #count(label: number, predicted: number, samples: number): void {
    const key = label * this.#classes + predicted;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + samples);
  }
}

/** What is wrong with counts that a peer sent, of so many samples of which so many are taken for what they are; null when nothing is. */
export function faultOfMatrix(bytes: Uint8Array, classes: number, samples: number, correct: number): string | null {
  if (bytes.byteLength !== 4 * classes * classes) return 'a confusion matrix of another size';
  const view = viewOf(bytes);
  let sum = 0;
  let diagonal = 0;
  for (let at = 0; at < classes * classes; at++) {
    const count = view.getUint32(4 * at, true);
    sum += count;
    if (at % (classes + 1) === 0) diagonal += count;
  }
  return sum === samples && diagonal === correct ? null : 'a confusion matrix that does not add up to its samples';
}

/** See {@link faultOfMatrix}. */
export function faultOfPairs(bytes: Uint8Array, classes: number, samples: number, correct: number): string | null {
  if (bytes.byteLength % PAIR_BYTES !== 0) return 'confused pairs that are cut off';
  let sum = 0;
  let last = -1;
  for (const pair of pairsIn(bytes)) {
    const { label, predicted } = pair;
    const key = label * classes + predicted;
    if (label >= classes || predicted >= classes || label === predicted || key <= last || pair.samples === 0) {
      return 'a pair of classes that can not be confused';
    }
    last = key;
    sum += pair.samples;
  }
  return sum === samples - correct ? null : 'confused pairs that do not add up to its samples';
}

/** The part of each class's samples that is recognised, 0 to 1; null for a class without samples. */
export function classAccuracies(counts: Confusion): readonly (number | null)[] {
  return counts.map((row, label) => {
    const samples = row.reduce((sum, count) => sum + count, 0);
    return samples === 0 ? null : row[label]! / samples;
  });
}

function* pairsIn(bytes: Uint8Array): Generator<ConfusedPair> {
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.byteLength; at += PAIR_BYTES) {
    yield {
      label: view.getUint16(at, true),
      predicted: view.getUint16(at + 2, true),
      samples: view.getUint32(at + 4, true),
    };
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
