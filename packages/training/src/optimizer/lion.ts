import { undecayed, type SettingsOf, type UpdateRule } from './update-rule.ts';

/**
 * Lion (Chen et al., "Symbolic discovery of optimization algorithms" (2023), algorithm 2): every parameter moves by the whole rate,
 * up or down as the sign of β₁ · m + (1 − β₁) · gradient says, so rates are to be three to ten times below Adam's. Slot: `m`, the
 * running mean of gradients that is kept with β₂.
 */
export const lion: UpdateRule<SettingsOf<'lion'>> = {
  defaults: { name: 'lion', learningRate: 1e-3, ...undecayed, beta1: 0.9, beta2: 0.99 },
  slots: () => ['m'],
  update({ gradientSum, divisor, learningRate, keep, from, into }, { beta1, beta2 }) {
    const { parameters } = from;
    const m = from.slots['m']!;
    const mInto = into.slots['m']!;
    for (let i = 0; i < parameters.length; i++) {
      const gradient = gradientSum[i]! / divisor;
      const direction = Math.sign(m[i]! * beta1 + gradient * (1 - beta1));
      mInto[i] = m[i]! * beta2 + gradient * (1 - beta2);
      into.parameters[i] = parameters[i]! * keep - learningRate * direction;
    }
  },
};
