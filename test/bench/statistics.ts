/** What was measured in a round; null where that failed. */
export type Measured = number | null;

/** A median and the whole range: with a handful of rounds, nothing finer means anything. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The values' quantile `part` in [0, 1], by the nearest rank; NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Null of nothing. */
export function spreadOf(values: readonly Measured[]): Spread | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return { median: median(known), low: Math.min(...known), high: Math.max(...known) };
}

/** Ratios of what was measured in the same round: a machine whose speed drifts is compared with itself. */
export function ratios(values: readonly Measured[], to: readonly Measured[]): number[] {
  return values.flatMap((value, round) => {
    const other = to[round] ?? null;
    return value === null || other === null ? [] : [value / other];
  });
}
