import type { Measured } from './replay.ts';
import { bucketed, type StepSeries, type StepQuantity } from './series.ts';

/** What a curve shows, on one axis of steps. Null where there is no figure. */
export interface Curve {
  readonly steps: readonly number[];
  /** How many steps of the run it shows. */
  readonly length: number;
  /** The least and greatest of each bucket's steps. */
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  readonly mean: readonly (number | null)[];
  readonly smooth: readonly (number | null)[];
  /** Means of whole epochs, at their last step. */
  readonly epochs: readonly (number | null)[];
  readonly validations: readonly (number | null)[];
}

export interface CurveOptions {
  /** Steps to show, both included. */
  readonly from: number;
  readonly to: number;
  /** How many buckets, at most. */
  readonly count: number;
  /** As of {@link smoothed}. */
  readonly smoothing: number;
  readonly epochs?: readonly Measured[];
  readonly validations?: readonly Measured[];
  /** The figure of an epoch and of a validation. */
  readonly figure?: 'loss' | 'metric';
}

/** Puts together what is drawn of one quantity. Figures that are not finite, or not above zero on a log scale, are gaps. */
export function curveOf(series: StepSeries, quantity: StepQuantity, options: CurveOptions): Curve {
  const { from, to, count, smoothing, epochs = [], validations = [], figure = 'loss' } = options;
  const values = series.values(quantity);
  // One step more on either side: the line leads out of the picture.
  const start = Math.max(0, series.indexAfter(from - 1) - 1);
  const end = Math.min(series.length, series.indexAfter(to) + 1);
  const raw = bucketed(series.steps, values, count, start, end);
  const smooth = bucketed(series.steps, series.smoothed(quantity, smoothing), count, start, end);
  const epochAt = figuresAt(epochs, figure, from, to);
  const validationAt = figuresAt(validations, figure, from, to);
  const bucketAt = new Map<number, number>();
  for (const [bucket, step] of raw.steps.entries()) bucketAt.set(step, bucket);
  const steps = [...new Set([...raw.steps, ...epochAt.keys(), ...validationAt.keys()])].sort((a, b) => a - b);
  const pick = (figures: Float64Array) => steps.map((step) => finite(figures[bucketAt.get(step) ?? -1]));
  return {
    steps,
    length: end - start,
    low: pick(raw.low),
    high: pick(raw.high),
    mean: pick(raw.mean),
    smooth: pick(smooth.mean),
    epochs: steps.map((step) => finite(epochAt.get(step))),
    validations: steps.map((step) => finite(validationAt.get(step))),
  };
}

function figuresAt(
  measured: readonly Measured[],
  figure: 'loss' | 'metric',
  from: number,
  to: number,
): ReadonlyMap<number, number> {
  return new Map(
    measured.filter(({ step }) => step >= from && step <= to).map((each) => [each.step, each[figure]] as const),
  );
}

function finite(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}
