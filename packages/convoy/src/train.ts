import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
import { EventQueue } from './event-queue.ts';
import type { TrainOptions } from './train-options.ts';

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

/** Events that wait for a slow reader: some megabytes. */
const MOST_WAITING = 10_000;

/**
 * Trains on this machine: a parameter server in this process, and worker processes or, with `single`, nothing else.
 * Prints nothing, ends no process and installs no signal handler.
 */
export function train(options: TrainOptions = {}): Run {
  const events = new EventQueue<RunEvent | EventsMissed>(MOST_WAITING, (count) => ({ type: 'events-missed', count }));
  // Loaded when it is wanted: a workload imports this module's package, in every process, and trains nothing itself.
  const given = { ...options };
  const performed = import('./perform-training.ts').then(({ performTraining }) =>
    performTraining(given, (event) => events.push(event)),
  );
  performed.then(
    () => events.end(),
    (error: unknown) => events.end(error),
  );
  // A promise of its own: where nobody waits and nobody iterates, a failure is an unhandled rejection and not silence.
  const result = performed.then((outcome) => outcome);
  return {
    result,
    [Symbol.asyncIterator]() {
      // Whoever iterates is thrown the error: a result nobody asked for is not unhandled then.
      result.catch(() => {});
      return events.read();
    },
  };
}
