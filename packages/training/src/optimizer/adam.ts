import { adam } from '@convoy/numerics/vectors';
import type { OptimizerConfig } from '@convoy/protocol/run-config';
import { integerPower } from '@convoy/numerics/elementary';
import type { Part } from './optimizer.ts';

type AdamConfig = Extract<OptimizerConfig, { name: 'adam' | 'adamw' }>;

/**
 * Adam's update of a part of the vector; AdamW is the same with weight decay. Slots: `m`, the running mean of gradients, and
 * `v`, that of squared gradients.
 *
 * Kingma and Ba, "Adam" (2015), in the form of the last paragraph of its section 2 that Keras and TensorFlow implement:
 * ε is added to √v before the bias correction ("ε-hat"). Arithmetic in float64, stored as float32.
 * @param updates this one included.
 */
export function adamUpdate(
  { gradientSum, divisor, keep, from, into }: Part,
  updates: number,
  learningRate: number,
  { beta1, beta2, epsilon }: Pick<AdamConfig, 'beta1' | 'beta2' | 'epsilon'>,
): void {
  const rate = (learningRate * Math.sqrt(1 - integerPower(beta2, updates))) / (1 - integerPower(beta1, updates));
  adam(
    {
      gradientSum,
      parameters: from.parameters,
      m: from.slots['m']!,
      v: from.slots['v']!,
      parametersOut: into.parameters,
      mOut: into.slots['m']!,
      vOut: into.slots['v']!,
    },
    { divisor, decay1: 1 - beta1, decay2: 1 - beta2, rate, epsilon, keep },
  );
}
