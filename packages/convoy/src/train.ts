import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { trainInProcess } from './launchers/in-process.ts';
import { trainWithWorkers } from './launchers/worker-processes.ts';
import { reopenRolledBack, type Reopen } from './reopen-rolled-back.ts';
import { readRunParameters } from './run-parameters.ts';
import { launchEnvironment } from '@convoy/infra/launch';
import { prepareRun, type PreparedRun, type PrepareOptions } from '@convoy/server/prepare-run';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
import { EventQueue } from './event-queue.ts';
import { quietTensorflow } from './quiet-tensorflow.ts';
import { resolveTrainOptions, type ResolvedTrainOptions, type TrainOptions } from './train-options.ts';

const require = createRequire(import.meta.url);

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

/** Its `worker` command is what a worker process runs. */
const PROGRAM = '@convoy/cli/main';

/** Events that wait for a slow reader: some megabytes. */
const MOST_WAITING = 10_000;

/**
 * Trains on this machine: a parameter server in this process, and worker processes or, with `single`, nothing else.
 * Prints nothing, ends no process and installs no signal handler.
 */
export function train(options: TrainOptions = {}): Run {
  const events = new EventQueue<RunEvent | EventsMissed>(MOST_WAITING, (count) => ({ type: 'events-missed', count }));
  const performed = perform(options, (event) => events.push(event));
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

async function perform(options: TrainOptions, onEvent: (event: RunEvent) => void): Promise<Outcome> {
  const resolved = resolveTrainOptions(options);
  const { run, single, fallbackToSynthetic, signal, onNote } = resolved;
  signal.throwIfAborted();
  const prepareOptions: PrepareOptions = {
    ...run,
    environment: process.env,
    url: null,
    fallbackToSynthetic,
    isSingle: single,
    signal,
    onEvent,
    onNote,
    onDownload: () => {},
  };
  let current = await prepareRun(prepareOptions);
  const stop = () => current.server.stop(reasonOf(signal));
  const reopen = async (before: PreparedRun) => {
    const next = await reopenRolledBack(before, prepareOptions);
    if (next === null) return null;
    current = next;
    if (signal.aborted) stop();
    return next;
  };
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    await trainPrepared(resolved, current, reopen);
  } finally {
    signal.removeEventListener('abort', stop);
  }
  const { reason, summary, unsaved } = await current.ended;
  if (unsaved !== null) onNote(`the result is not saved: ${unsaved}`);
  const { folder, config } = current;
  return {
    ...summary,
    reason,
    folder,
    config,
    readParameters: async () => (await readRunParameters(folder, undefined, run.workload)).values,
  };
}

async function trainPrepared(
  { computing, single, onNote }: ResolvedTrainOptions,
  prepared: PreparedRun,
  reopen: Reopen,
): Promise<void> {
  if (single) {
    quietTensorflow();
    await trainInProcess(computing, prepared, reopen, (line) => {
      if (!/^(ready|done): /.test(line)) onNote(line);
    });
    return;
  }
  await trainWithWorkers(computing, prepared, {
    // Wherever and however this program was started: its workers are those of this package, and TypeScript.
    main: require.resolve(PROGRAM),
    execArgv: ['--import', pathToFileURL(require.resolve('tsx')).href],
    environment: launchEnvironment(process.env),
    reopen,
    onWarning: onNote,
    onStatus: () => {},
  });
}

function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : String(reason);
}
