import type { TensorTable } from '@convoy/protocol/tensor';

/**
 * One step of every moving statistic of the table, from `moving` into `into`:
 *
 *   moving · momentum + (sums / samples) · (1 − momentum)
 *
 * as Keras's BatchNormalization has it, where `sums` holds, at the same places, the sums over the samples that a step's
 * gradient carries behind its slopes. Arithmetic in float64, stored as float32. What is trained is left alone.
 */
export function averageStatistics(
  tensors: TensorTable,
  moving: Float32Array,
  sums: Float32Array,
  samples: number,
  into: Float32Array,
): void {
  for (const { offset, size, momentum } of tensors) {
    if (momentum === undefined) continue;
    for (let at = offset; at < offset + size; at++) {
      into[at] = moving[at]! * momentum + (sums[at]! / samples) * (1 - momentum);
    }
  }
}
