/** How values are distributed: equally wide bins from the least value to the greatest. */
export interface Histogram {
  readonly from: number;
  readonly to: number;
  /** Values in each bin; the greatest is in the last. */
  readonly counts: readonly number[];
  /** Of the values and of their squares. */
  readonly sum: number;
  readonly sumOfSquares: number;
}

/** @returns null when no value is finite; those that are not are left out. */
export function histogramOf(parts: readonly Float32Array[], bins: number): Histogram | null {
  let from = Infinity;
  let to = -Infinity;
  let sum = 0;
  let sumOfSquares = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      const value = part[i]!;
      // False for a NaN.
      if (!(value - value === 0)) continue;
      if (value < from) from = value;
      if (value > to) to = value;
      sum += value;
      sumOfSquares += value * value;
    }
  }
  if (from > to) return null;
  const counts = new Array<number>(bins).fill(0);
  const scale = to === from ? 0 : bins / (to - from);
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      const value = part[i]!;
      if (value - value === 0) counts[Math.min(bins - 1, Math.floor((value - from) * scale))]!++;
    }
  }
  return { from, to, counts, sum, sumOfSquares };
}
