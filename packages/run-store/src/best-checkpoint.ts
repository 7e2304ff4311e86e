import { join } from 'node:path';
import {
  checkpointNames,
  CHECKPOINTS_FOLDER,
  MANIFEST_FILE,
  parseManifest,
  type CheckpointManifest,
} from './checkpoint.ts';
import { diskFiles, type CheckpointFiles } from './checkpoint-files.ts';
import { bestOf, faultOf, scoreOf } from './checkpoint-load.ts';

/** A checkpoint and what its validation found. */
export type BestCheckpoint = Pick<CheckpointManifest, 'step' | 'validationAccuracy' | 'validationMeanAbsoluteError'>;

/**
 * The best checkpoint of a run by the figure that it monitors, as the checkpoints' manifests say it: nothing else is read, so this is
 * fast, and says nothing of whether the checkpoint is whole.
 * @returns null when none was validated.
 */
export async function bestCheckpoint(
  runFolder: string,
  files: CheckpointFiles = diskFiles,
): Promise<BestCheckpoint | null> {
  const root = join(runFolder, CHECKPOINTS_FOLDER);
  const found: { readonly manifest: CheckpointManifest; readonly score: number | null }[] = [];
  for (const { name } of checkpointNames(await files.list(root))) {
    try {
      const manifest = parseManifest(await files.read(join(root, name, MANIFEST_FILE)));
      found.push({ manifest, score: scoreOf(manifest) });
    } catch (error) {
      // One that can't be read is not the best; a fault of our own is thrown on.
      faultOf(error);
    }
  }
  return bestOf(found)?.manifest ?? null;
}
