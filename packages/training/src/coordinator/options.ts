import { DEFAULT_CONDUCT_OPTIONS, type ConductOptions } from './conduct.ts';

export interface CoordinatorOptions {
  /** Below this many ready workers the run pauses. */
  readonly minWorkers: number;
  /** Consecutive skipped steps after which the run halts. */
  readonly maxConsecutiveSkips: number;
  /** A checkpoint every this many steps, and this many milliseconds; null for never. */
  readonly checkpointEverySteps: number | null;
  readonly checkpointEveryMs: number | null;
  /** Silence after which a connected worker gets no leases, and after which it is dead. */
  readonly suspectAfterMs: number;
  readonly deadAfterMs: number;
  /** How long a worker whose connection broke keeps its lease. */
  readonly graceMs: number;
  /** Shortest lease deadline: what a scheduler may take for itself. */
  readonly minDeadlineMs: number;
  /** Longest lease deadline, unless twice the usual time is longer. */
  readonly maxDeadlineMs: number;
  /** A worker is hung after this many deadlines of its lease, and not before `hungAfterMs`; each time after twice as long. */
  readonly hungAfterDeadlines: number;
  readonly hungAfterMs: number;
  /** Say who is waited for when nothing came in for this long; each time after twice as long. */
  readonly stallAfterMs: number;
  readonly conduct: ConductOptions;
}

export const DEFAULT_COORDINATOR_OPTIONS: CoordinatorOptions = {
  minWorkers: 1,
  maxConsecutiveSkips: 3,
  checkpointEverySteps: null,
  checkpointEveryMs: null,
  suspectAfterMs: 3_000,
  deadAfterMs: 10_000,
  graceMs: 2_000,
  minDeadlineMs: 100,
  maxDeadlineMs: 60_000,
  hungAfterDeadlines: 3,
  hungAfterMs: 10_000,
  stallAfterMs: 5_000,
  conduct: DEFAULT_CONDUCT_OPTIONS,
};
