/** Samples by true class (row) and predicted class (column). */
export type Confusion = readonly (readonly number[])[];

/** Counts what each sample of a class is taken for. */
export class ConfusionCount {
  readonly counts: number[][];
  readonly #classes: number;

  constructor(classes: number) {
    this.#classes = classes;
    this.counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  /**
   * @param labels shape [N].
   * @param probabilities shape [N, classes]: the likeliest class is the prediction, of equals the one with the lower label.
   */
  add(labels: Int32Array, probabilities: Float64Array): void {
    for (const [n, label] of labels.entries()) {
      const row = probabilities.subarray(n * this.#classes, (n + 1) * this.#classes);
      const predicted = row.indexOf(row.reduce((most, value) => Math.max(most, value), -Infinity));
      // Parameters that are not finite give no likeliest class; TensorFlow's ArgMax says the first then.
      this.counts[label]![Math.max(0, predicted)]!++;
    }
  }
}

/** The part of each class's samples that is recognised, 0 to 1; null for a class without samples. */
export function classAccuracies(counts: Confusion): readonly (number | null)[] {
  return counts.map((row, label) => {
    const samples = row.reduce((sum, count) => sum + count, 0);
    return samples === 0 ? null : row[label]! / samples;
  });
}
