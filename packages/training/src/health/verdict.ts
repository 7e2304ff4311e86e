import type { HealthFinding, HealthKind } from '@convoy/protocol/run-events';

/**
 * What a detector says after it has learned something: that a finding holds, or that it does not. What it doesn't mention
 * stays as it was.
 */
export type Verdict =
  | ({ readonly kind: HealthKind; readonly holds: true } & Omit<HealthFinding, 'kind' | 'step'>)
  | { readonly kind: HealthKind; readonly holds: false };

/** The middle of some numbers; of an even count the higher of the two. @throws RangeError without any. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('nothing has no median');
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
