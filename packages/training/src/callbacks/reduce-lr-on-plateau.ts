import type { ReduceLROnPlateauConfig } from '@convoy/protocol/callbacks-config';
import { isImprovement } from './monitor.ts';

export interface ReduceLROnPlateauState {
  /** Epochs since the last improvement or reduction. */
  readonly wait: number;
  readonly best: number | null;
  /** Epochs left in which nothing is counted. */
  readonly cooldownCounter: number;
  /** What the run's schedule takes for its base. */
  readonly learningRate: number;
}

export function startReduceLROnPlateau(learningRate: number): ReduceLROnPlateauState {
  return { wait: 0, best: null, cooldownCounter: 0, learningRate };
}

/** What Keras's ReduceLROnPlateau does at the end of an epoch. @param value the monitored figure; null decides nothing. */
export function decideReduceLROnPlateau(
  config: ReduceLROnPlateauConfig,
  state: ReduceLROnPlateauState,
  value: number | null,
): ReduceLROnPlateauState {
  if (value === null) return state;
  const cooldownCounter = Math.max(0, state.cooldownCounter - 1);
  const waited = state.cooldownCounter > 0 ? 0 : state.wait;
  if (isImprovement(value, state.best, config, config.minDelta)) {
    return { ...state, wait: 0, best: value, cooldownCounter };
  }
  if (cooldownCounter > 0) return { ...state, wait: waited, cooldownCounter };
  const wait = waited + 1;
  // Keras's rate is a float32 number: 0.001 · 0.1 · 0.1 is then no more than 0.00001.
  const isLowest = Math.fround(state.learningRate) <= Math.fround(config.minLR);
  if (wait < config.patience || isLowest) return { ...state, wait, cooldownCounter };
  const learningRate = Math.max(state.learningRate * config.factor, config.minLR);
  return { ...state, wait: 0, cooldownCounter: config.cooldown, learningRate };
}
