import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { onTerminate } from './on-terminate.ts';

/** How the operator asked the program to stop, if so. */
export interface StopRequest {
  readonly signal: AbortSignal;
  /** The exit code that says so. */
  readonly exitCode: () => number;
}

/** Calls back when the signal aborts, or at once if it has. */
export function whenStopped(signal: AbortSignal, callback: (reason: string) => void): void {
  const stop = () => callback((signal.reason as Error).message);
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
}

/** Turns the first Ctrl-C or SIGTERM into an abort, and the second into an exit. */
export function stopSignals(): StopRequest {
  const controller = new AbortController();
  let exitCode: number = exitCodes.ok;
  const stop = (code: number, reason: string) => {
    if (controller.signal.aborted) process.exit(code);
    exitCode = code;
    controller.abort(new OperatorError(reason, { exitCode: code }));
  };
  process.on('SIGINT', () => stop(exitCodes.interrupted, 'interrupted by Ctrl-C'));
  onTerminate(() => stop(exitCodes.terminated, 'stopped by SIGTERM'));
  process.on('SIGHUP', () => stop(exitCodes.terminated, 'the terminal closed'));
  // The launcher was killed outright: nobody is left to read the result.
  process.on('disconnect', () => {
    if (!controller.signal.aborted) stop(exitCodes.terminated, 'the launching process ended');
  });
  // It may have been gone before anybody listened.
  if (process.channel !== undefined && !process.connected) stop(exitCodes.terminated, 'the launching process ended');
  return { signal: controller.signal, exitCode: () => exitCode };
}
