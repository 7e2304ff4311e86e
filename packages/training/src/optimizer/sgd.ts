import { sgd as updateVectors } from '@convoy/numerics/vectors';
import { undecayed, type SettingsOf, type UpdateRule } from './update-rule.ts';

/**
 * Gradient descent, as Keras has it: velocity ← momentum · velocity − rate · gradient, and the parameters move by the velocity;
 * with Nesterov by momentum · velocity − rate · gradient (Sutskever et al., "On the importance of initialization and momentum"
 * (2013), section 2, with the parameters taken at the point that is looked ahead to). Slot: `velocity`; none without momentum.
 */
export const sgd: UpdateRule<SettingsOf<'sgd'>> = {
  defaults: { name: 'sgd', learningRate: 0.01, ...undecayed, momentum: 0, nesterov: false },
  slots: ({ momentum }) => (momentum === 0 ? [] : ['velocity']),
  update({ gradientSum, divisor, learningRate: rate, keep, from, into }, { momentum, nesterov }) {
    updateVectors(
      {
        gradientSum,
        parameters: from.parameters,
        velocity: from.slots['velocity'] ?? null,
        parametersOut: into.parameters,
        velocityOut: into.slots['velocity'] ?? null,
      },
      { divisor, rate, momentum, ahead: nesterov ? momentum : 1, aside: nesterov ? rate : 0, keep },
    );
  },
};
