import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LineReader } from '@convoy/dashboard/serve/line-reader';
import { exitCodes } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { EVENTS_FILE } from '@convoy/run-store/event-log';
import { readConfig } from '@convoy/run-store/run-folder';
import { serverOf } from '@convoy/run-store/run-lock';

/** How often a log is looked at for more. */
const LOOK_EVERY_MS = 250;

/**
 * The lines of a run's events.jsonl.
 * @param from the number of the first line, from 0. @param follows goes on as they come, until nobody serves the run any more, or the signal.
 * @throws OperatorError when the folder is no run's.
 */
export async function* logLines(
  runFolder: string,
  { from, follows, signal }: { readonly from: number; readonly follows: boolean; readonly signal: AbortSignal },
): AsyncGenerator<string> {
  readConfig(runFolder);
  const path = join(runFolder, EVENTS_FILE);
  const reader = await LineReader.open(path, from).catch((cause: unknown) => {
    throw fileError(cause, `can't read ${path}`, { exitCode: exitCodes.data });
  });
  try {
    while (!signal.aborted) {
      // Asked before the log is read: what its last server wrote is there by then.
      const isLast = !follows || (await serverOf(runFolder)) === null;
      for (let lines = await reader.next(); lines !== null; lines = await reader.next()) yield* lines.text.split('\n');
      if (isLast) return;
      await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    await reader.close();
  }
}
