/** The values' quantile `part` in [0, 1], by the nearest rank; NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Ratios of what was measured next to each other: a machine whose speed drifts is compared with itself. */
export function ratios(values: readonly number[], to: readonly number[]): number[] {
  return values.slice(0, to.length).map((value, round) => value / to[round]!);
}
