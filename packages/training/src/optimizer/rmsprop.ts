import { rmsprop } from '@convoy/numerics/vectors';
import type { OptimizerConfig } from '@convoy/protocol/run-config';
import type { Part } from './optimizer.ts';

type RmspropConfig = Extract<OptimizerConfig, { name: 'rmsprop' }>;

/**
 * RMSprop's update of a part of the vector (Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012),
 * as Keras 3 has it: ε is inside the root. Slots: `velocity`, the running mean of squared gradients; `average-gradient` if
 * centered, whose square is taken off it; `momentum` if there is one. Arithmetic in float64, stored as float32.
 */
export function rmspropUpdate(
  { gradientSum, divisor, keep, from, into }: Part,
  rate: number,
  { rho, momentum, epsilon }: Pick<RmspropConfig, 'rho' | 'momentum' | 'epsilon'>,
): void {
  rmsprop(
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
    { divisor, rate, decay: 1 - rho, inertia: momentum, epsilon, keep },
  );
}
