import { InvalidArgumentError } from 'commander';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds in `500ms`, `5s`, `1.5m` or `2h`, as an option's value. @throws InvalidArgumentError for anything else. */
export function durationOption(text: string): number {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = unit === undefined ? 0 : Number(number) * UNITS_MS[unit]!;
  if (ms > 0) return ms;
  throw new InvalidArgumentError('It must be a time above 0 with its unit, like 500ms, 5s, 10m or 1h.');
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
