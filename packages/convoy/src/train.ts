import type { RunEvent } from '@convoy/protocol/run-events';
import { EventQueue } from './event-queue.ts';
import { eventForProgram, forProgram } from './option-names.ts';
import type { EventsMissed, Run } from './run.ts';
import type { TrainOptions } from './train-options.ts';

/** Events that wait for a slow reader: some megabytes. */
const MOST_WAITING = 10_000;

/**
 * Trains on this machine: a parameter server in this process, and worker processes or, with `single`, nothing else.
 * Prints nothing (TensorFlow says two lines when it loads, with `single`), ends no process and installs no signal handler.
 */
export function train(options: TrainOptions = {}): Run {
  const events = new EventQueue<RunEvent | EventsMissed>(MOST_WAITING, (count) => ({ type: 'events-missed', count }));
  // Loaded when it is wanted: a workload imports this module's package, in every process, and trains nothing itself.
  const given = { ...options };
  const performed = forProgram(async () => {
    const { performTraining } = await import('./perform-training.ts');
    return performTraining(given, (event) => events.push(eventForProgram(event)));
  });
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
