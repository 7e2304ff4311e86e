import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { HEALTH_KINDS, type HealthFinding, type Rollback } from '@convoy/protocol/run-events';
import { isHealthy } from '@convoy/training/health/health';
import { CHECKPOINTS_FOLDER, checkpointNames, type CheckpointName } from './checkpoint.ts';
import { diskFiles, type CheckpointFiles } from './checkpoint-files.ts';
import { faultOf, verifyCheckpoint } from './checkpoint-load.ts';
import { writeAtomically } from './run-folder.ts';

/** The run's rollbacks, oldest first; absent before the first. */
export const ROLLBACKS_FILE = 'rollbacks.json';
/** After so many a run halts instead: an eighth of the learning rate did not help either. */
export const MAX_ROLLBACKS = 3;
/** What each of them multiplies the learning rate by. */
const LEARNING_RATE_FACTOR = 0.5;

export interface RollbackOptions {
  readonly runFolder: string;
  readonly finding: HealthFinding;
  /** Commits so far. */
  readonly fromStep: number;
  /** Whether the run may go back to a checkpoint of that step. */
  readonly isRefuge: (step: number) => boolean;
  readonly files?: CheckpointFiles;
}

const wholeNumber = v.pipe(v.number(), v.integer(), v.minValue(0));
const RollbacksSchema = v.array(
  v.strictObject({
    fromStep: wholeNumber,
    toStep: wholeNumber,
    kind: v.picklist(HEALTH_KINDS),
    since: wholeNumber,
    learningRateFactor: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
  }),
);

/**
 * Makes a run's folder go on from its newest healthy refuge, or from its beginning, at half the learning rate. Checkpoints
 * after it are set aside under another name, the newest first, and the rollback is written down last: a process that dies
 * on the way leaves a run that collapses and goes back again. The run's lock must be held, and no checkpoint being written.
 * @throws the file system's error.
 */
export async function rollBack(options: RollbackOptions): Promise<Rollback> {
  const { runFolder, finding, fromStep, files = diskFiles } = options;
  const earlier = readRollbacks(runFolder);
  const root = join(runFolder, CHECKPOINTS_FOLDER);
  const newestFirst = checkpointNames(await files.list(root)).reverse();
  const refuge = await refugeAmong(newestFirst, root, options);
  const toStep = refuge?.step ?? 0;
  for (const { name, step } of newestFirst) {
    if (refuge !== null && step <= toStep) break;
    await files.rename(join(root, name), join(root, `abandoned-${earlier.length + 1}-${name}`));
    await files.syncDirectory(root);
  }
  const { kind, since } = finding;
  const learningRateFactor = factorAfter(earlier) * LEARNING_RATE_FACTOR;
  const rollback: Rollback = { fromStep, toStep, kind, since, learningRateFactor };
  writeAtomically(join(runFolder, ROLLBACKS_FILE), `${JSON.stringify([...earlier, rollback], null, 2)}\n`);
  return rollback;
}

async function refugeAmong(
  newestFirst: readonly CheckpointName[],
  root: string,
  { isRefuge, files = diskFiles }: RollbackOptions,
): Promise<CheckpointName | null> {
  for (const named of newestFirst.filter(({ step }) => isRefuge(step))) {
    try {
      if (isHealthy((await verifyCheckpoint(root, named, files)).state.health)) return named;
    } catch (error) {
      // A damaged one is no refuge; anything but damage is thrown on.
      faultOf(error);
    }
  }
  return null;
}

/** @throws OperatorError when the file is not what was written. */
export function readRollbacks(runFolder: string): readonly Rollback[] {
  const path = join(runFolder, ROLLBACKS_FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new OperatorError(`can't read ${path}: ${(error as Error).message}`, { cause: error });
  }
  try {
    return v.parse(RollbacksSchema, JSON.parse(text));
  } catch (cause) {
    const what = `${path} is damaged: restore it from a copy, for it says which learning rate the run has`;
    throw new OperatorError(what, { exitCode: exitCodes.data, cause });
  }
}

/** What the schedule's learning rate is multiplied by after these rollbacks. */
export function factorAfter(rollbacks: readonly Rollback[]): number {
  return rollbacks.at(-1)?.learningRateFactor ?? 1;
}
