import type { ModelCheckpointConfig } from '@convoy/protocol/callbacks-config';

/** The figure that a callback follows, and which way is better. */
export type Monitored = Pick<ModelCheckpointConfig, 'monitor' | 'mode'>;

/** What an epoch came to: sums in one fixed order, so they are the same for any number of workers. Null where there is none. */
export interface EpochFigures {
  /** Counted from 0. */
  readonly epoch: number;
  /** Of the parameters at the epoch's end, on the validation samples. */
  readonly val_loss: number | null;
  readonly val_accuracy: number | null;
  /** Means over the epoch's samples as they were trained on. */
  readonly loss: number | null;
  readonly accuracy: number | null;
}

/** Whether less or more is better. */
export function directionOf({ monitor, mode }: Monitored): 'min' | 'max' {
  if (mode !== 'auto') return mode;
  return monitor.endsWith('loss') ? 'min' : 'max';
}

/**
 * Whether a value is better than a reference by more than `minDelta`, as Keras's MonitorCallback decides: whatever comes first
 * is an improvement, and with what is not a number nothing compares. Like Keras's, the comparison is one of float32 values:
 * 0.7 + 0.1, which is less than 0.8 in float64, is 0.8.
 */
export function isImprovement(value: number, reference: number | null, monitored: Monitored, minDelta = 0): boolean {
  if (reference === null) return true;
  return directionOf(monitored) === 'min'
    ? Math.fround(value + minDelta) < Math.fround(reference)
    : Math.fround(value - minDelta) > Math.fround(reference);
}
