import { prepareRun, type PreparedRun, type PrepareOptions } from '@convoy/server/prepare-run';

/** Waits for a run's server, and opens the run again after it has gone back to a checkpoint; null when the run is over. */
export type Reopen = (before: PreparedRun) => Promise<PreparedRun | null>;

/**
 * Waits for a server's end, and opens the run again if it went back to a checkpoint: as after a crash, in the same process.
 * @param options those that the run was first opened with. @returns null when the run is over.
 */
export async function reopenRolledBack(prepared: PreparedRun, options: PrepareOptions): Promise<PreparedRun | null> {
  const { outcome } = await prepared.ended;
  if (outcome !== 'rolled-back') return null;
  // What was to be made longer is so by now.
  return prepareRun({ ...options, resume: prepared.folder, extension: undefined });
}
