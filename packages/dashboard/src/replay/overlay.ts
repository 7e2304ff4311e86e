import type { Measured, Replay } from './replay.ts';
import type { StepSeries } from './series.ts';

/** What runs are laid over one another by: steps, epochs of training, or seconds in which the run was served. */
export const AXES = ['step', 'epoch', 'time'] as const;
export type Axis = (typeof AXES)[number];

/** One run's curve. Null where it has no figure. */
export interface OverlaidCurve {
  /** The least and greatest of each bucket. */
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  /** The mean of each bucket's smoothed figures. */
  readonly smooth: readonly (number | null)[];
  readonly validations: readonly (number | null)[];
}

/** Curves of several runs over common places. */
export interface Overlay {
  /** Steps, epochs or seconds, ascending. */
  readonly places: readonly number[];
  /** In the order of the runs. */
  readonly curves: readonly OverlaidCurve[];
}

export interface OverlayOptions {
  readonly quantity: 'loss' | 'metric';
  readonly axis: Axis;
  /** Places to show, both included. */
  readonly from: number;
  readonly to: number;
  /** How many buckets, at most. */
  readonly count: number;
  /** As of `smoothed`. */
  readonly smoothing: number;
}

/** A run's figures in buckets, by the buckets' places. */
interface Buckets {
  readonly places: number[];
  readonly low: number[];
  readonly high: number[];
  readonly smooth: number[];
}

/**
 * Lays runs over one another. All share the same buckets, so that a crosshair marks the same place in each of them; a bucket has the
 * least and greatest of its figures. Validations stand at their own places.
 */
export function overlay(replays: readonly Replay[], options: OverlayOptions): Overlay {
  const { quantity, axis, from, to } = options;
  const buckets = replays.map((replay) => bucketsOf(replay, options));
  const validations = replays.map(
    (replay) =>
      new Map(
        replay.validations
          .map((each) => [placeOf(each, replay, axis), each[quantity]] as const)
          .filter(([place]) => place >= from && place <= to),
      ),
  );
  const places = [
    ...new Set([...buckets.flatMap((each) => each.places), ...validations.flatMap((each) => [...each.keys()])]),
  ].sort((a, b) => a - b);
  const indexOf = new Map(places.map((place, index) => [place, index]));
  return {
    places,
    curves: buckets.map((each, run) => {
      const spread = (figures: readonly number[]) => {
        const values = new Array<number | null>(places.length).fill(null);
        for (const [index, place] of each.places.entries()) values[indexOf.get(place)!] = finite(figures[index]);
        return values;
      };
      return {
        low: spread(each.low),
        high: spread(each.high),
        smooth: spread(each.smooth),
        validations: places.map((place) => finite(validations[run]!.get(place))),
      };
    }),
  };
}

/** How far the runs are, in places. */
export function lastPlace(replays: readonly Replay[], axis: Axis): number {
  return Math.max(
    0,
    ...replays.flatMap((replay) => {
      const { series, validations } = replay;
      const ends = validations.slice(-1).map((each) => placeOf(each, replay, axis));
      return series.length === 0 ? ends : [...ends, placeAt(series, series.length - 1, replay, axis)];
    }),
  );
}

function placeOf({ step, elapsedMs }: Measured, { stepsPerEpoch }: Replay, axis: Axis): number {
  return axis === 'step' ? step : axis === 'epoch' ? step / stepsPerEpoch : elapsedMs / 1_000;
}

function placeAt(series: StepSeries, index: number, { stepsPerEpoch }: Replay, axis: Axis): number {
  if (axis === 'time') return series.values('elapsedMs')[index]! / 1_000;
  const step = series.steps[index]!;
  return axis === 'step' ? step : step / stepsPerEpoch;
}

function bucketsOf(replay: Replay, { quantity, axis, from, to, count, smoothing }: OverlayOptions): Buckets {
  const { series } = replay;
  const values = series.values(quantity);
  const smooth = series.smoothed(quantity, smoothing);
  const place = (index: number) => placeAt(series, index, replay, axis);
  const width = axis === 'step' ? Math.max(1, Math.ceil((to - from) / count)) : (to - from) / count;
  // One step more on either side: the line leads out of the picture.
  const start = Math.max(0, firstFrom(series.length, place, from) - 1);
  const buckets: Buckets = { places: [], low: [], high: [], smooth: [] };
  let index = start;
  while (index < series.length) {
    const first = place(index);
    const bucket = Math.floor((first - from) / width);
    const edge = from + (bucket + 1) * width;
    let [low, high, sum, finite] = [Infinity, -Infinity, 0, 0];
    const begin = index;
    // Before the first place and after the last one are single steps.
    do {
      const value = values[index]!;
      if (Number.isFinite(value)) {
        if (value < low) low = value;
        if (value > high) high = value;
        sum += smooth[index]!;
        finite++;
      }
      index++;
    } while (index < series.length && first >= from && first <= to && place(index) < edge);
    const isWhole = index - begin > 1;
    buckets.places.push(isWhole && axis !== 'step' ? edge - width / 2 : place(index - 1));
    buckets.low.push(finite === 0 ? NaN : low);
    buckets.high.push(finite === 0 ? NaN : high);
    buckets.smooth.push(finite === 0 ? NaN : sum / finite);
    if (first > to) break;
  }
  return buckets;
}

/** The first of so many positions whose place is not before that one. */
function firstFrom(length: number, place: (index: number) => number, from: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (place(middle) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

function finite(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}
