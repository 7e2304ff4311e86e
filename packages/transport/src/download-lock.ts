import { join } from 'node:path';
import { makeFolders } from '@convoy/protocol/make-folders';

export interface LockOptions {
  readonly delay: (durationMs: number, signal: AbortSignal | undefined) => Promise<unknown>;
  readonly signal?: AbortSignal | undefined;
  /** Called once, when another process is found to hold the lock. */
  readonly onWait?: (() => void) | undefined;
}

/**
 * Runs `work` while no other process on this machine does so for the same folder. A process that died holding the lock
 * is passed over once its lock has not been refreshed for half a minute.
 * @param work gets a signal that fires with `options.signal`, or when the lock was lost because this process was
 * suspended for longer than that.
 */
export async function withDownloadLock<Result>(
  directory: string,
  options: LockOptions,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  makeFolders(directory);
  const lost = new AbortController();
  const release = await acquire(directory, options, (cause) => lost.abort(cause));
  try {
    return await work(options.signal === undefined ? lost.signal : AbortSignal.any([options.signal, lost.signal]));
  } finally {
    // A lost lock is another process's now: there is nothing to release.
    if (!lost.signal.aborted) await release();
  }
}

const STALE_MS = 30_000;
const POLL_MS = 500;

async function acquire(
  directory: string,
  { delay, signal, onWait }: LockOptions,
  onCompromised: (cause: Error) => void,
): Promise<() => Promise<void>> {
  // It listens to the process's signals as soon as it is loaded: a program that downloads nothing keeps them to itself.
  const { lock } = await import('proper-lockfile');
  for (let waited = false; ; waited = true) {
    signal?.throwIfAborted();
    try {
      return await lock(directory, { lockfilePath: join(directory, 'lock'), stale: STALE_MS, onCompromised });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ELOCKED') throw cause;
      if (!waited) onWait?.();
      await delay(POLL_MS, signal);
    }
  }
}
