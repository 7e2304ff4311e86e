import type { PrepareOptions } from '@convoy/server/run-options';
import { serveRun, type ServedRun } from '@convoy/server/serve-run';
import type { Display } from './terminal/display.ts';
import { runOptionsFromFlags, type RunFlags } from './flags/run.ts';
import { whenStopped, type StopRequest } from './stop-signals.ts';

/** Options of a run whose events the display shows and that ends when the operator says so. */
export function shownOptions(
  flags: RunFlags,
  options: Pick<PrepareOptions, 'url' | 'fallbackToSynthetic' | 'syntheticSize' | 'isSingle' | 'threads'>,
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

/** Serves such a run. @throws OperatorError */
export async function serveShown(
  options: PrepareOptions,
  display: Display,
  { signal }: StopRequest,
): Promise<ServedRun> {
  let isToldHow = false;
  const onEvent: PrepareOptions['onEvent'] = (event) => {
    // The first one says that there is a run: whatever was wrong with the flags has been told before.
    if (!isToldHow)
      display.line(`process ${process.pid}; Ctrl-C or "kill ${process.pid}" stops the run and saves a checkpoint`);
    isToldHow = true;
    options.onEvent(event);
  };
  const run = await serveRun({ ...options, onEvent });
  display.watch(run);
  display.line(`data: ${run.dataset.origin}`);
  whenStopped(signal, (reason) => run.stop(reason));
  return run;
}
