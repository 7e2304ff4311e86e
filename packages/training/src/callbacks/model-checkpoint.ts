import type { ModelCheckpointConfig } from '@convoy/protocol/callbacks-config';
import { isImprovement } from './monitor.ts';

export interface ModelCheckpointState {
  readonly best: number | null;
}

export interface ModelCheckpointDecision {
  readonly state: ModelCheckpointState;
  /** An epoch's end is worth a checkpoint. */
  readonly isSaved: boolean;
}

/** What Keras's ModelCheckpoint does at the end of an epoch. @param value the monitored figure; null is never better. */
export function decideModelCheckpoint(
  config: ModelCheckpointConfig,
  state: ModelCheckpointState,
  value: number | null,
): ModelCheckpointDecision {
  const isBetter = value !== null && isImprovement(value, state.best, config);
  return { state: isBetter ? { best: value } : state, isSaved: isBetter || !config.saveBestOnly };
}
