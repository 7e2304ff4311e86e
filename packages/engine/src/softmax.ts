/**
 * The softmax of each row, in float64 and with the row's largest value taken out, so that nothing overflows: the largest
 * logit has the largest probability.
 * @param logits shape [N, classes].
 * @returns shape [N, classes].
 */
export function softmax(logits: Float32Array, classes: number): Float64Array {
  const probabilities = new Float64Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    const largest = row.reduce((most, value) => Math.max(most, value), -Infinity);
    const exponentials = Float64Array.from(row, (value) => Math.exp(value - largest));
    const sum = exponentials.reduce((total, value) => total + value, 0);
    exponentials.forEach((value, n) => (probabilities[start + n] = value / sum));
  }
  return probabilities;
}
