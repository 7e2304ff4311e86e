import { launchEnvironment, programArguments } from '@convoy/infra/launch';
import type { RunEvent } from '@convoy/protocol/run-events';
import { prepareRun, type PreparedRun, type PrepareOptions } from '@convoy/server/prepare-run';
import { trainInProcess } from './launchers/in-process.ts';
import { trainWithWorkers } from './launchers/worker-processes.ts';
import { quietTensorflow } from './quiet-tensorflow.ts';
import { reopenRolledBack, type Reopen } from './reopen-rolled-back.ts';
import { readRunParameters } from './run-parameters.ts';
import type { Outcome } from './run.ts';
import { resolveTrainOptions, type ResolvedTrainOptions, type TrainOptions } from './train-options.ts';

/** What `train` does: from the options to the end of the run. */
export async function performTraining(options: TrainOptions, onEvent: (event: RunEvent) => void): Promise<Outcome> {
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
    await trainInProcess(computing, prepared, reopen, (line, kind) => {
      if (kind === 'note') onNote(line);
    });
    return;
  }
  // Wherever and however this program was started: its workers are this package's.
  const node = await programArguments();
  await trainWithWorkers(computing, prepared, {
    main: node.at(-1)!,
    execArgv: node.slice(0, -1),
    environment: launchEnvironment(process.env),
    reopen,
    onWarning: onNote,
    onStatus: () => {},
  });
}

function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : String(reason);
}
