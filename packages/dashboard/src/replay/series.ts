/** What is known after each step, in the order of the steps. */
export const STEP_QUANTITIES = [
  'loss',
  'metric',
  'learningRate',
  'gradientNorm',
  'samplesPerSecond',
  // Since the first worker joined, without the time in which nobody served the run.
  'elapsedMs',
  'computingMs',
  'waitingMs',
  'serverMs',
  'bytesReceived',
  'bytesSent',
] as const;
export type StepQuantity = (typeof STEP_QUANTITIES)[number];

/** Steps in one bucket of a drawing: how low, how high, and what in the mean. NaN where nothing finite was measured. */
export interface Buckets {
  /** The last step of each bucket. */
  readonly steps: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly mean: Float64Array;
}

const FIRST_ROOM = 1_024;

/**
 * Figures of every step, none left out: 96 bytes a step. What is drawn of them are buckets, which keep each bucket's least and
 * greatest figure, so that no peak is lost.
 */
export class StepSeries {
  #room = FIRST_ROOM;
  #length = 0;
  #steps: Float64Array = new Float64Array(FIRST_ROOM);
  readonly #values = Object.fromEntries(
    STEP_QUANTITIES.map((quantity) => [quantity, new Float64Array(FIRST_ROOM)]),
  ) as Record<StepQuantity, Float64Array>;
  readonly #smoothed = new Map<StepQuantity, MovingAverage>();

  get length(): number {
    return this.#length;
  }

  /** The steps that there are figures of, ascending. */
  get steps(): Float64Array {
    return this.#steps.subarray(0, this.#length);
  }

  /** One figure for each of {@link steps}. */
  values(quantity: StepQuantity): Float64Array {
    return this.#values[quantity].subarray(0, this.#length);
  }

  /** The step must come after all that there are. */
  add(step: number, figures: Readonly<Record<StepQuantity, number>>): void {
    if (this.#length === this.#room) this.#grow();
    this.#steps[this.#length] = step;
    for (const quantity of STEP_QUANTITIES) this.#values[quantity][this.#length] = figures[quantity];
    this.#length++;
  }

  /** One average for each of {@link steps}: see {@link smoothed}. What was computed before is kept: a run that goes on costs its new steps. */
  smoothed(quantity: StepQuantity, share: number): Float64Array {
    let kept = this.#smoothed.get(quantity);
    if (kept?.share !== share) {
      kept = new MovingAverage(share);
      this.#smoothed.set(quantity, kept);
    }
    return kept.follow(this.values(quantity));
  }

  /** Forgets what was measured after a step. */
  takeBack(step: number): void {
    const length = this.indexAfter(step);
    if (length === this.#length) return;
    this.#length = length;
    this.#smoothed.clear();
  }

  /** How many of the steps are not after that one. */
  indexAfter(step: number): number {
    let from = 0;
    let to = this.#length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#steps[middle]! <= step) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #grow(): void {
    this.#room *= 2;
    this.#steps = grown(this.#steps, this.#room);
    for (const quantity of STEP_QUANTITIES) this.#values[quantity] = grown(this.#values[quantity], this.#room);
  }
}

function grown(values: Float64Array, room: number): Float64Array {
  const larger = new Float64Array(room);
  larger.set(values);
  return larger;
}

/**
 * Divides figures into at most `count` buckets of equally many.
 * @param steps ascending. @param values as many. @param from and `to`, which is not among them, are positions in both.
 */
export function bucketed(
  steps: Float64Array,
  values: Float64Array,
  count: number,
  from = 0,
  to = steps.length,
): Buckets {
  const width = Math.max(1, Math.ceil((to - from) / count));
  const length = Math.ceil((to - from) / width);
  const buckets = {
    steps: new Float64Array(length),
    low: new Float64Array(length),
    high: new Float64Array(length),
    mean: new Float64Array(length),
  };
  for (let bucket = 0; bucket < length; bucket++) {
    const start = from + bucket * width;
    const end = Math.min(start + width, to);
    let low = Infinity;
    let high = -Infinity;
    let sum = 0;
    let finite = 0;
    for (let i = start; i < end; i++) {
      const value = values[i]!;
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
      sum += value;
      finite++;
    }
    buckets.steps[bucket] = steps[end - 1]!;
    buckets.low[bucket] = finite === 0 ? NaN : low;
    buckets.high[bucket] = finite === 0 ? NaN : high;
    buckets.mean[bucket] = finite === 0 ? NaN : sum / finite;
  }
  return buckets;
}

/**
 * The exponential moving average, without the pull towards zero at its beginning (as Adam corrects its moments). A figure that is
 * not finite has none and changes none.
 * @param share of the average that stays at each step, from 0 (nothing is smoothed) to below 1.
 */
export function smoothed(values: Float64Array, share: number): Float64Array {
  return new MovingAverage(share).follow(values);
}

/** The average so far, of figures to which others are added. */
class MovingAverage {
  readonly share: number;
  #result: Float64Array = new Float64Array(0);
  #length = 0;
  #average = 0;
  #weight = 0;

  constructor(share: number) {
    this.share = share;
  }

  /** @param values those of the last call, and maybe more. */
  follow(values: Float64Array): Float64Array {
    if (values.length > this.#result.length) this.#result = grown(this.#result, 2 * values.length);
    // Local while it is computed: fields would cost more than the arithmetic.
    const { share } = this;
    const result = this.#result;
    let [average, weight] = [this.#average, this.#weight];
    for (let i = this.#length; i < values.length; i++) {
      const value = values[i]!;
      const isFinite = value - value === 0;
      if (isFinite) {
        average = share * average + (1 - share) * value;
        weight = share * weight + (1 - share);
      }
      result[i] = isFinite ? average / weight : NaN;
    }
    this.#average = average;
    this.#weight = weight;
    this.#length = values.length;
    return this.#result.subarray(0, this.#length);
  }
}
