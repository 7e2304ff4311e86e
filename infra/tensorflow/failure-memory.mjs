import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolders } from '@convoy/protocol/make-folders';

/** How long a failure that took long to find out is believed, so that not every start waits for it again. */
const BELIEVED_MS = 60 * 60_000;

/**
 * @param {string} cache
 * @param {{ now?: () => number }} [options]
 */
export function createFailureMemory(cache, { now = Date.now } = {}) {
  const file = (attempt) => join(cache, `failed-${attempt}.json`);
  return {
    /** What an attempt failed with lately, or undefined. */
    async recall(attempt) {
      try {
        const { at, line } = JSON.parse(await readFile(file(attempt), 'utf8'));
        const ageMs = now() - at;
        // A clock that was set back must not make a failure last for ever.
        return ageMs >= 0 && ageMs < BELIEVED_MS ? { line: String(line), ageMs } : undefined;
      } catch {
        return undefined;
      }
    },
    async remember(attempt, line) {
      makeFolders(cache);
      await writeFile(file(attempt), JSON.stringify({ at: now(), line }));
    },
    async forget(attempt) {
      await rm(file(attempt), { force: true });
    },
  };
}
