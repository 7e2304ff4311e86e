import { sgd } from '@convoy/numerics/vectors';
import type { OptimizerConfig } from '@convoy/protocol/run-config';
import type { Part } from './optimizer.ts';

type SgdConfig = Extract<OptimizerConfig, { name: 'sgd' }>;

/**
 * Gradient descent's update of a part of the vector, as Keras has it: velocity ← momentum · velocity − rate · gradient, and
 * the parameters move by the velocity; with Nesterov by momentum · velocity − rate · gradient (Sutskever et al., "On the
 * importance of initialization and momentum" (2013), section 2, with the parameters taken at the point that is looked ahead
 * to). Slot: `velocity`; none without momentum. Arithmetic in float64, stored as float32.
 */
export function sgdUpdate(
  { gradientSum, divisor, keep, from, into }: Part,
  rate: number,
  { momentum, nesterov }: Pick<SgdConfig, 'momentum' | 'nesterov'>,
): void {
  sgd(
    {
      gradientSum,
      parameters: from.parameters,
      velocity: from.slots['velocity'] ?? null,
      parametersOut: into.parameters,
      velocityOut: into.slots['velocity'] ?? null,
    },
    { divisor, rate, momentum, ahead: nesterov ? momentum : 1, aside: nesterov ? rate : 0, keep },
  );
}
