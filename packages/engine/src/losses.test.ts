import { expect, it } from 'vitest';
import { softmax } from './losses.ts';

it('gives each row its own probabilities, of the largest logits too', () => {
  const [ln2, ln3] = [Math.log(2), Math.log(3)];
  const probabilities = softmax(Float32Array.from([0, ln2, ln3, 1000, 1000, -1000]), 3);
  const expected = [1 / 6, 2 / 6, 3 / 6, 0.5, 0.5, 0];
  // The logits are float32.
  probabilities.forEach((value, n) => expect(value).toBeCloseTo(expected[n]!, 7));
});
