import { LockLostError } from './run-lock.ts';

export interface SaveResultOptions {
  /** Writes all that belongs to the result; may be done again. */
  readonly save: () => Promise<void>;
  /** Milliseconds, of any clock that only rises. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** Told once in one line that the disk refuses and that this tries again. */
  readonly onRefused: (reason: string) => void;
}

/** For so long the disk is asked again, and so often. */
export const RETRY_FOR_MS = 60_000;
const RETRY_EVERY_MS = 1_000;
/** What an operator can mend while the program waits. */
const MENDABLE: ReadonlySet<unknown> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EROFS',
  'EACCES',
  'EPERM',
  'EMFILE',
  'ENFILE',
]);

/**
 * Saves the result of a run that is over. Where the disk refuses for a reason that can be mended, it is tried again for a
 * minute.
 * @returns why the result is not on the disk, in one line; null when it is.
 * @throws LockLostError, and what is no error of the file system.
 */
export async function saveResult({ save, now, pause, onRefused }: SaveResultOptions): Promise<string | null> {
  const untilMs = now() + RETRY_FOR_MS;
  for (let attempt = 1; ; attempt++) {
    try {
      await save();
      return null;
    } catch (error) {
      const code = codeOf(error);
      if (error instanceof LockLostError || code === undefined) throw error;
      const { message } = error as Error;
      if (!MENDABLE.has(code) || now() >= untilMs) return message;
      if (attempt === 1) onRefused(`${message}; trying again for ${RETRY_FOR_MS / 1000} s`);
      await pause(RETRY_EVERY_MS);
    }
  }
}

/** The code of the file system's error, or of the one that an operator's line was made of. */
function codeOf(error: unknown): unknown {
  const { code, cause } = error as NodeJS.ErrnoException;
  return code ?? (cause as NodeJS.ErrnoException | undefined)?.code;
}
