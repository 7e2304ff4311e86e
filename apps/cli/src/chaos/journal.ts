import type { FaultKind } from './schedule.ts';

/** What was done to the cluster, and when: the faults of the schedule as they could be carried out. */
export interface JournalEntry {
  /** Milliseconds since the Unix epoch, as in the run's events. */
  readonly at: number;
  /** Since the run's first step, as it happened and as it was planned. */
  readonly atMs: number;
  readonly plannedMs: number;
  readonly kind: FaultKind;
  /** What exactly, e.g. `SIGKILL worker 2 (pid 4711)`. */
  readonly text: string;
  /** Numbers of the workers it was done to. */
  readonly victims: readonly number[];
  /** Numbers of the others that computed at that moment. */
  readonly others: readonly number[];
  /** Whether the coordinator was up and awake. */
  readonly wasServing: boolean;
}

/** What happened beside the faults themselves. */
export interface JournalCounts {
  readonly joined: number;
  readonly serverRestarts: number;
  readonly serverFreezes: number;
  /** Faults of the schedule that found one of their kind still waiting for its turn, or no place for another worker. */
  readonly passedOver: number;
}
