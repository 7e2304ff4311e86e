import type { EarlyStoppingConfig } from '@convoy/protocol/callbacks-config';
import { isImprovement } from './monitor.ts';

export interface EarlyStoppingState {
  /** Epochs since the last improvement. */
  readonly wait: number;
  readonly best: number | null;
  /** The epoch whose parameters are the best; null before the first that counts. */
  readonly bestEpoch: number | null;
}

export const EARLY_STOPPING_START: EarlyStoppingState = { wait: 0, best: null, bestEpoch: null };

export interface EarlyStoppingDecision {
  readonly state: EarlyStoppingState;
  /** The parameters as they are now are the best. */
  readonly isBest: boolean;
  /** The run has trained enough. */
  readonly isOver: boolean;
}

/** What Keras's EarlyStopping does at the end of an epoch. @param value the monitored figure; null decides nothing. */
export function decideEarlyStopping(
  config: EarlyStoppingConfig,
  state: EarlyStoppingState,
  epoch: number,
  value: number | null,
): EarlyStoppingDecision {
  if (value === null || epoch < config.startFromEpoch) return { state, isBest: false, isOver: false };
  const wait = state.wait + 1;
  if (!isImprovement(value, state.best, config, config.minDelta)) {
    return { state: { ...state, wait }, isBest: false, isOver: wait >= config.patience && epoch > 0 };
  }
  // Better than before is not good enough while the baseline has not been beaten.
  const isGood = config.baseline === null || isImprovement(value, config.baseline, config, config.minDelta);
  return { state: { wait: isGood ? 0 : wait, best: value, bestEpoch: epoch }, isBest: true, isOver: false };
}
