import { setTimeout as delay } from 'node:timers/promises';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { answerTo, leaveRequest, withdrawRequest } from '@convoy/run-store/requests';
import { readConfig } from '@convoy/run-store/run-folder';

/** Ten times as long as the process that serves a run takes to see a request. */
const ANSWERED_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 100;

/**
 * Asks the process that serves a run to let a worker go: it finishes what it holds, says goodbye and exits 0. The run goes on with
 * the others, to the same parameters.
 * @param runFolder the run's, which this process can write.
 * @param rank the worker's, as the run's log and display have it.
 * @throws OperatorError when nobody serves the run, or no such worker is connected.
 */
export async function drain(runFolder: string, rank: number): Promise<void> {
  readConfig(runFolder);
  let name: string;
  try {
    name = leaveRequest(runFolder, { type: 'drain', rank });
  } catch (error) {
    throw fileError(error, `can't leave a request in ${runFolder}`);
  }
  try {
    const until = performance.now() + ANSWERED_WITHIN_MS;
    while (performance.now() < until) {
      const refusal = answerTo(runFolder, name);
      if (refusal === null) return;
      if (refusal !== undefined) throw new OperatorError(refusal);
      await delay(LOOK_EVERY_MS);
    }
  } finally {
    withdrawRequest(runFolder, name);
  }
  throw new OperatorError(`nobody answers for ${runFolder}: is the run still training?`, {
    exitCode: exitCodes.network,
  });
}
