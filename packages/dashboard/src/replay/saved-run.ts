/** A run as a report has it: all that the page needs to show it. */
export interface SavedRun {
  readonly name: string;
  /** Of the run's config.json. */
  readonly config: unknown;
  /** Lines of events.jsonl. */
  readonly log: string;
  /** Steps in the run's log, and those that the report has. */
  readonly steps: number;
  readonly keptSteps: number;
  /** Milliseconds since the Unix epoch. */
  readonly writtenAt: number;
  /** The version of Convoy that wrote it. */
  readonly version: string;
}

/** The element that a report has its run in. */
export const SAVED_RUN_ID = 'saved-run';
