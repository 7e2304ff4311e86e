import type { RunEvent } from '@convoy/protocol/run-events';
import type { JournalEntry } from './journal.ts';

/** How soon training went on after workers died. */
export interface Recovery {
  /** Kills of one worker or more. */
  readonly deaths: number;
  /** Those after which others went on undisturbed: only these say what a worker's death costs. */
  readonly measured: number;
  /** From the kill to the next step's commit. Null when none was measured. */
  readonly medianMs: number | null;
  readonly maxMs: number | null;
  /** Measured ones above {@link RECOVERY_LIMIT_MS}. */
  readonly overLimit: number;
}

/** What a worker's death may cost while others are alive. */
export const RECOVERY_LIMIT_MS = 3_000;

/**
 * A kill counts when the coordinator was up, some other worker was at work and was left alone until the next step, and
 * nothing else had to be done before it: an evaluation, a restart.
 */
export function measureRecovery(journal: readonly JournalEntry[], events: readonly RunEvent[]): Recovery {
  const kills = journal.filter(({ kind }) => kind === 'kill');
  const times = kills.flatMap((kill) => {
    const next = events.find(({ type, at }) => at > kill.at && (type === 'step' || isInterruption(type)));
    if (next?.type !== 'step' || !kill.wasServing) return [];
    const meanwhile = journal.filter(({ at }) => at > kill.at && at <= next.at);
    const wasServerSpared = meanwhile.every(({ kind }) => kind !== 'server' && kind !== 'corrupt');
    const witnesses = kill.others.filter((other) => meanwhile.every(({ victims }) => !victims.includes(other)));
    return wasServerSpared && witnesses.length > 0 ? [next.at - kill.at] : [];
  });
  times.sort((a, b) => a - b);
  return {
    deaths: kills.length,
    measured: times.length,
    medianMs: times[Math.floor(times.length / 2)] ?? null,
    maxMs: times.at(-1) ?? null,
    overLimit: times.filter((ms) => ms > RECOVERY_LIMIT_MS).length,
  };
}

function isInterruption(type: RunEvent['type']): boolean {
  return type === 'evaluated' || type === 'run-resumed' || type === 'run-ended';
}
