import { prepareRun, type PreparedRun, type PrepareOptions } from '@convoy/server/prepare-run';
import type { Display } from './display.ts';
import { runOptionsFromFlags, type RunFlags } from './flags/run.ts';
import { reopenRolledBack, type Reopen } from '@convoy/convoy/reopen-rolled-back';
import { whenStopped, type StopRequest } from './stop-signals.ts';

/** Options of a run whose events the display shows and that ends when the operator says so. */
export function shownOptions(
  flags: RunFlags,
  options: Pick<PrepareOptions, 'url' | 'fallbackToSynthetic' | 'syntheticSize' | 'isSingle'>,
  display: Display,
  { signal }: StopRequest,
): PrepareOptions {
  return {
    ...runOptionsFromFlags(flags),
    ...options,
    environment: process.env,
    signal,
    onEvent: display.show,
    onNote: (line) => display.warn(line),
    onDownload: display.download,
  };
}

/** Prepares such a run. @throws OperatorError */
export async function prepareShown(
  options: PrepareOptions,
  display: Display,
  { signal }: StopRequest,
): Promise<PreparedRun> {
  display.line(`process ${process.pid}; Ctrl-C or "kill ${process.pid}" stops the run and saves a checkpoint`);
  const prepared = await prepareRun(options);
  display.line(`data: ${prepared.dataset.origin}`);
  whenStopped(signal, (reason) => prepared.server.stop(reason));
  return prepared;
}

/** Opens such a run again with another server, which ends when the operator says so as well. */
export function shownReopen(options: PrepareOptions, { signal }: StopRequest): Reopen {
  return async (before) => {
    const next = await reopenRolledBack(before, options);
    if (next !== null) whenStopped(signal, (reason) => next.server.stop(reason));
    return next;
  };
}
