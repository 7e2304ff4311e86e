import type { Mixing } from './augment.ts';
import { WHOLE_WEIGHT } from './mixup-weight.ts';

/**
 * The probabilities that a loss expects where a sample is not all of one class: shape [N, classes], each row adds up to 1 but
 * for rounding. Without mixing and smoothing a row is 1 at the label.
 * @param mixing whose partners' labels take their share; null for none.
 * @param smoothing the share that all classes divide among them, as Keras's `label_smoothing`: y · (1 − s) + s / classes.
 */
export function softTargets(
  labels: Int32Array,
  mixing: Mixing | null,
  classes: number,
  smoothing: number,
): Float32Array {
  const targets = new Float32Array(labels.length * classes);
  for (const [n, label] of labels.entries()) {
    const weight = mixing === null ? WHOLE_WEIGHT : mixing.weights[n]!;
    const partner = mixing === null ? label : labels[mixing.partners[n]!]!;
    for (let c = 0; c < classes; c++) {
      const share = (c === label ? weight : 0) + (c === partner ? WHOLE_WEIGHT - weight : 0);
      // In float64, rounded once.
      targets[n * classes + c] = (share / WHOLE_WEIGHT) * (1 - smoothing) + smoothing / classes;
    }
  }
  return targets;
}
