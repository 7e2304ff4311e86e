import type { Machine, RunEvent } from '@convoy/protocol/run-events';

/** A process's turn at a run. */
export interface RunTurn {
  readonly at: number;
  /** Commits at its beginning. */
  readonly step: number;
  /** Null in logs of versions that did not write it. */
  readonly machine: Machine | null;
}

/** The turn that an event begins; null where it begins none. */
export function turnOf(event: RunEvent): RunTurn | null {
  switch (event.type) {
    case 'run-started':
      return { at: event.at, step: 0, machine: event.machine ?? null };
    case 'run-resumed':
      return { at: event.at, step: event.step, machine: event.machine ?? null };
    default:
      return null;
  }
}
