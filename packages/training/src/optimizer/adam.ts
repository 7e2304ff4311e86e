import { adam as updateVectors } from '@convoy/numerics/vectors';
import { integerPower } from '@convoy/numerics/elementary';
import { undecayed, type Part, type SettingsOf, type UpdateRule } from './update-rule.ts';

const defaults = { learningRate: 1e-3, ...undecayed, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

/** Adam. Slots: `m`, the running mean of gradients, and `v`, that of squared gradients. */
export const adam: UpdateRule<SettingsOf<'adam'>> = {
  defaults: { name: 'adam', ...defaults },
  slots: () => ['m', 'v'],
  update: adamUpdate,
};

/** Adam with weight decay. */
export const adamw: UpdateRule<SettingsOf<'adamw'>> = {
  defaults: { name: 'adamw', ...defaults, weightDecay: 0.004 },
  slots: () => ['m', 'v'],
  update: adamUpdate,
};

/**
 * Kingma and Ba, "Adam" (2015), in the form of the last paragraph of its section 2 that Keras and TensorFlow implement:
 * ε is added to √v before the bias correction ("ε-hat").
 */
function adamUpdate(
  { gradientSum, divisor, learningRate, updates, keep, from, into }: Part,
  { beta1, beta2, epsilon }: Pick<SettingsOf<'adam'>, 'beta1' | 'beta2' | 'epsilon'>,
): void {
  const rate = (learningRate * Math.sqrt(1 - integerPower(beta2, updates))) / (1 - integerPower(beta1, updates));
  updateVectors(
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
