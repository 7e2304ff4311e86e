import { launchEnvironment, programArguments } from '@convoy/infra/launch';
import type { RunEvent } from '@convoy/protocol/run-events';
import { serveRun, type ServedRun } from '@convoy/server/serve-run';
import { trainInProcess } from './launchers/in-process.ts';
import { localGuard, trainWithWorkers, type LocalGuard } from './launchers/worker-processes.ts';
import { quietTensorflow } from './local-engine.ts';
import { findingForProgram, withOptionNames } from './option-names.ts';
import { readRunParameters } from './run-parameters.ts';
import type { Outcome } from './run.ts';
import { resolveTrainOptions, type ResolvedTrainOptions, type TrainOptions } from './train-options.ts';

/** What `train` does: from the options to the end of the run. */
export async function performTraining(options: TrainOptions, onEvent: (event: RunEvent) => void): Promise<Outcome> {
  const resolved = resolveTrainOptions(options);
  const { run: runOptions, single, fallbackToSynthetic, signal, onNote } = resolved;
  signal.throwIfAborted();
  // Before anything is made: the environment may hold what is no token.
  const guard = single ? null : localGuard({ environment: process.env }, onNote);
  const run = await serveRun({
    ...runOptions,
    environment: process.env,
    url: null,
    fallbackToSynthetic,
    isSingle: single,
    threads: resolved.computing.threads,
    signal,
    onEvent,
    onNote,
    onDownload: () => {},
  });
  const stop = () => run.stop(reasonOf(signal));
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    await trainServed(resolved, run, guard);
  } finally {
    signal.removeEventListener('abort', stop);
  }
  const { reason, summary, unsaved } = await run.ended;
  if (unsaved !== null) onNote(`the result is not saved: ${unsaved}`);
  const { folder, config } = run;
  return {
    ...summary,
    health: summary.health.map(findingForProgram),
    reason: withOptionNames(reason),
    folder,
    config,
    readParameters: async () => (await readRunParameters(folder, undefined, runOptions.workload)).values,
  };
}

async function trainServed(
  { computing, onNote }: ResolvedTrainOptions,
  run: ServedRun,
  guard: LocalGuard | null,
): Promise<void> {
  if (guard === null) {
    quietTensorflow();
    await trainInProcess(computing, run, (line, kind) => {
      if (kind === 'note') onNote(line);
    });
    return;
  }
  // Wherever and however this program was started: its workers are this package's.
  const node = await programArguments();
  await trainWithWorkers(computing, run, {
    main: node.at(-1)!,
    execArgv: node.slice(0, -1),
    environment: launchEnvironment(process.env),
    onWarning: onNote,
    onStatus: () => {},
    guard,
  });
}

function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : String(reason);
}
