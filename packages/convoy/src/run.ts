import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';

/** So many events were not read in time; they are in the run's events.jsonl. */
export interface EventsMissed {
  readonly type: 'events-missed';
  readonly count: number;
}

/** A training on its way. Iterating gives its events, once; the training waits for nobody. */
export interface Run extends AsyncIterable<RunEvent | EventsMissed> {
  /**
   * How it ended, when nothing of it runs any more.
   * @throws OperatorError when it could not be begun or its one process could not go on.
   */
  readonly result: Promise<Outcome>;
}

/** How a run ended, with its last figures. */
export interface Outcome extends RunSummary {
  /** Why, in words. */
  readonly reason: string;
  readonly folder: string;
  /** Everything that decided the result. */
  readonly config: RunConfig;
  /** Reads the last parameters, verified: one flat vector. */
  readonly readParameters: () => Promise<Float32Array>;
}
