import { isHealthy, type HealthSnapshot } from '@convoy/training/health/health';
import type { CheckpointName } from './checkpoint.ts';
import { bestOf } from './checkpoint-load.ts';
import { MAX_ROLLBACKS } from './rollback.ts';

/** A valid checkpoint on the disk, with what decides whether it stays. */
export interface Kept extends CheckpointName {
  readonly score: number | null;
  readonly health: HealthSnapshot | null;
}

/** Where rollbacks of a run may go. */
export interface RollbackTargets {
  /** Whether a checkpoint of that step exists whatever the clock says. */
  readonly isExpected: (step: number) => boolean;
  /** {@link Health.trustedForGood} of a run that stands as a checkpoint says. */
  readonly trustedForGood: (health: HealthSnapshot | null) => number;
}

/**
 * The checkpoints that stay after one was written: the newest, the best, and all that a rollback may go back to.
 * @param valid by step, the newest revision of each. @param step of the checkpoint that was written: what is newer is of a
 * future that was given up, is not counted and stays.
 */
export function staying<Entry extends Kept>(
  valid: readonly Entry[],
  step: number,
  keep: number,
  targets: RollbackTargets | null,
): ReadonlySet<Entry> {
  const result = new Set<Entry>(valid.filter((entry) => entry.step > step));
  const current = valid.filter((entry) => entry.step <= step);
  for (const entry of current.slice(-keep)) result.add(entry);
  const best = bestOf(valid);
  if (best !== null) result.add(best);
  if (targets !== null) for (const entry of neededByRollbacks(current, targets)) result.add(entry);
  return result;
}

/**
 * All that a rollback could choose now, and that the next one could choose after that, as often as a run goes back. Only
 * so does the choice not depend on how many checkpoints are kept: after a rollback the run may collapse at once, and
 * then goes back behind the place where it had gone back to.
 */
function neededByRollbacks<Entry extends Kept>(
  current: readonly Entry[],
  { isExpected, trustedForGood }: RollbackTargets,
): readonly Entry[] {
  const healthy = current.filter(({ step, health }) => isExpected(step) && isHealthy(health));
  let from = current.at(-1);
  for (let rollback = 0; rollback < MAX_ROLLBACKS && from !== undefined; rollback++) {
    const trusted = trustedForGood(from.health);
    from = healthy.findLast(({ step }) => step <= trusted);
  }
  return from === undefined ? healthy : healthy.filter(({ step }) => step >= from.step);
}
