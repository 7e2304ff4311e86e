import { rmsprop as updateVectors } from '@convoy/numerics/vectors';
import { undecayed, type SettingsOf, type UpdateRule } from './update-rule.ts';

/**
 * RMSprop (Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012), as Keras 3 has it: ε is inside the
 * root. Slots: `velocity`, the running mean of squared gradients; `average-gradient` if centered, whose square is taken off it;
 * `momentum` if there is one.
 */
export const rmsprop: UpdateRule<SettingsOf<'rmsprop'>> = {
  defaults: {
    name: 'rmsprop',
    learningRate: 1e-3,
    ...undecayed,
    rho: 0.9,
    momentum: 0,
    epsilon: 1e-7,
    centered: false,
  },
  slots({ momentum, centered }) {
    const slots = ['velocity'];
    if (momentum !== 0) slots.push('momentum');
    if (centered) slots.push('average-gradient');
    return slots;
  },
  update({ gradientSum, divisor, learningRate, keep, from, into }, { rho, momentum, epsilon }) {
    updateVectors(
      {
        gradientSum,
        parameters: from.parameters,
        velocity: from.slots['velocity']!,
        momentum: from.slots['momentum'] ?? null,
        averageGradient: from.slots['average-gradient'] ?? null,
        parametersOut: into.parameters,
        velocityOut: into.slots['velocity']!,
        momentumOut: into.slots['momentum'] ?? null,
        averageGradientOut: into.slots['average-gradient'] ?? null,
      },
      { divisor, rate: learningRate, decay: 1 - rho, inertia: momentum, epsilon, keep },
    );
  },
};
