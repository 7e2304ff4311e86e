import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileFaultText } from '@convoy/protocol/file-error';
import { WORKLOAD_FILE } from '@convoy/protocol/run-description';
import { noteWorkload, workloadDigestIn } from '@convoy/run-store/run-folder';
import { writeAtomically } from '@convoy/run-store/write-atomically';
import { BundleRefusal, bundleWorkload } from '@convoy/workload/bundle-workload';
import type { ServedRun } from '../serve-run.ts';
import { Supplies, type WorkloadCode } from './supplies.ts';

/**
 * Makes ready what a run's coordinator gives to bare workers. The code of a workload is bundled, and kept in the run's folder.
 * @param workload `--workload`.
 * @param onNote told when workers must have the workload themselves, or when its code has changed since the run was begun.
 */
export async function openSupplies(
  { run, config, dataset, folder }: Pick<ServedRun, 'run' | 'config' | 'dataset' | 'folder'>,
  workload: string | undefined,
  onNote: (line: string) => void,
): Promise<Supplies> {
  const code = config.dataset.name === 'workload' && workload !== undefined ? await codeOf(workload) : null;
  if (code !== null && 'refusal' in code) onNote(`workers can't fetch this workload: ${code.refusal}`);
  else if (code !== null) keepCode(folder, code, onNote);
  return new Supplies({ run, config, dataset, code });
}

async function codeOf(workload: string): Promise<WorkloadCode> {
  try {
    return await bundleWorkload(workload);
  } catch (error) {
    if (error instanceof BundleRefusal) return { refusal: error.message };
    throw error;
  }
}

/** The run's folder has the code that trained it, and its configuration the digest. */
function keepCode(
  folder: string,
  { code, sha256 }: Exclude<WorkloadCode, null | { refusal: string }>,
  onNote: (line: string) => void,
) {
  const path = join(folder, WORKLOAD_FILE);
  const kept = digestOfKept(path);
  const before = kept ?? workloadDigestIn(folder) ?? sha256;
  if (before !== sha256) {
    const change = `${before.slice(0, 8)} to ${sha256.slice(0, 8)}`;
    onNote(
      `the workload's code, or a package that it imports, has changed since this run was served last (sha256 ${change})`,
    );
  }
  try {
    if (kept !== sha256) writeAtomically(path, code);
    noteWorkload(folder, sha256);
  } catch (error) {
    const reason = fileFaultText(error);
    if (reason === null) throw error;
    onNote(`the workload's code was not written to ${path}: ${reason}`);
  }
}

function digestOfKept(path: string): string | null {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch {
    return null;
  }
}
