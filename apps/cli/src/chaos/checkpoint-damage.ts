import { closeSync, fstatSync, openSync, readdirSync, readSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  CHECKPOINTS_FOLDER,
  checkpointNames,
  PARAMETERS_FILE,
  type CheckpointName,
} from '@convoy/run-store/checkpoint';

/** Checkpoints of a run whose bytes are what was written, newest last: what has been damaged here is left out. */
export function intactCheckpoints(runFolder: string, damaged: ReadonlySet<string>): CheckpointName[] {
  return checkpointNames(readdirSync(join(runFolder, CHECKPOINTS_FOLDER))).filter(({ name }) => !damaged.has(name));
}

/**
 * Damages a checkpoint's parameters as a disk does.
 * @param where the flipped bit's place, or the length that stays, as a share of the file in [0, 1).
 * @returns what was done, in words.
 */
export function damageCheckpoint(runFolder: string, name: string, how: 'flip' | 'truncate', where: number): string {
  const path = join(runFolder, CHECKPOINTS_FOLDER, name, PARAMETERS_FILE);
  const file = openSync(path, 'r+');
  try {
    const { size } = fstatSync(file);
    const bit = Math.floor(where * 8 * size);
    const at = Math.floor(bit / 8);
    if (how === 'truncate') {
      truncateSync(path, at);
      return `truncated ${name}/${PARAMETERS_FILE} to ${at} of ${size} bytes`;
    }
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, at);
    byte[0]! ^= 1 << (bit % 8);
    writeSync(file, byte, 0, 1, at);
    return `flipped bit ${bit} of ${name}/${PARAMETERS_FILE}`;
  } finally {
    closeSync(file);
  }
}
