import { exitCodes } from '@convoy/protocol/errors';

/** How the operator asked the program to stop, if so. */
export interface StopRequest {
  readonly signal: AbortSignal;
  /** The exit code that says so. */
  readonly exitCode: () => number;
}

/** Turns the first Ctrl-C or SIGTERM into an abort, and the second into an exit. */
export function stopSignals(): StopRequest {
  const controller = new AbortController();
  let exitCode: number = exitCodes.ok;
  const stop = (code: number, reason: string) => {
    if (controller.signal.aborted) process.exit(code);
    exitCode = code;
    controller.abort(new Error(reason));
  };
  process.on('SIGINT', () => stop(exitCodes.interrupted, 'interrupted by Ctrl-C'));
  process.on('SIGTERM', () => stop(exitCodes.terminated, 'stopped by SIGTERM'));
  process.on('SIGHUP', () => stop(exitCodes.terminated, 'the terminal closed'));
  // The launcher was killed outright: nobody is left to read the result.
  process.on('disconnect', () => {
    if (!controller.signal.aborted) stop(exitCodes.terminated, 'the launching process ended');
  });
  return { signal: controller.signal, exitCode: () => exitCode };
}
