import type { Optimizer, OptimizerState } from './optimizer.ts';
import type { OptimizerVectors } from './update-rule.ts';

/** The state that a training starts from. */
export function zeroState(parameters: Float32Array, { slots }: Pick<Optimizer, 'slots'>): OptimizerState {
  return {
    updates: 0,
    parameters,
    slots: Object.fromEntries(slots.map((name) => [name, new Float32Array(parameters.length)])),
  };
}

/** Vectors to write the next state into. */
export function emptyLike({ parameters, slots }: OptimizerVectors): OptimizerVectors {
  return zeroState(new Float32Array(parameters.length), { slots: Object.keys(slots) });
}
