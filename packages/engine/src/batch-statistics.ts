import type { PlacedLayer } from '@convoy/model/architecture';
import type { BatchStatistics } from './backends/engine.ts';

/**
 * Writes a normalisation's statistics of `samples` samples into the gradient's tail, times the samples: like the slopes
 * before them they are sums, so the server's division by all samples gives the mean over the micro-batches, each weighted
 * by its samples, whoever computed which.
 */
export function writeStatistics(
  { parameters }: PlacedLayer,
  { mean_C, variance_C }: BatchStatistics,
  samples: number,
  gradient: Float32Array,
): void {
  const [, , mean, variance] = parameters;
  for (let c = 0; c < mean_C.length; c++) {
    gradient[mean!.offset + c] = mean_C[c]! * samples;
    gradient[variance!.offset + c] = variance_C[c]! * samples;
  }
}

/**
 * FusedBatchNormV3 tells the variance with Bessel's correction, Σ(x − mean)² / (values − 1); Keras's moving variance is of
 * the biased one, as the normalisation itself.
 */
export function biasedVariance(corrected_C: Float32Array, values: number): Float32Array {
  return corrected_C.map((variance) => variance * ((values - 1) / values));
}
