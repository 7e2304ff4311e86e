import type { ModelCheckpointConfig, Monitor } from '@convoy/protocol/callbacks-config';

/** The figure that a callback follows, and which way is better. */
export type Monitored = Pick<ModelCheckpointConfig, 'monitor' | 'mode'>;

/** The figure that says which checkpoint is the best, as its manifest has it. */
export interface MonitoredFigure {
  readonly monitor: string;
  readonly direction: 'min' | 'max';
  readonly value: number;
}

/**
 * What an epoch, counted from 0, came to: sums in one fixed order, so they are the same for any number of workers. With `val_` of the
 * parameters at the epoch's end on the validation samples, without it means over its samples as they were trained on. Null where there
 * is none.
 */
export type EpochFigures = { readonly epoch: number } & { readonly [Figure in Monitor]: number | null };

/** The figures of an epoch of which nothing is known yet. */
export const NO_FIGURES: Omit<EpochFigures, 'epoch'> = {
  val_loss: null,
  val_accuracy: null,
  val_mean_absolute_error: null,
  loss: null,
  accuracy: null,
  mean_absolute_error: null,
};

/** Whether less or more is better. */
export function directionOf({ monitor, mode }: Monitored): 'min' | 'max' {
  if (mode !== 'auto') return mode;
  return monitor.endsWith('accuracy') ? 'max' : 'min';
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
