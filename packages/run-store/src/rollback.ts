import { join } from 'node:path';
import * as v from 'valibot';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { wholeNumber } from '@convoy/protocol/numbers';
import { HEALTH_KINDS, type HealthFinding, type Rollback } from '@convoy/protocol/run-events';
import { isHealthy } from '@convoy/training/health/health';
import { CHECKPOINTS_FOLDER, checkpointNames, type CheckpointName } from './checkpoint.ts';
import { diskFiles, remedyFor, writeWhole, type CheckpointFiles } from './checkpoint-files.ts';
import { faultOf, verifyCheckpoint } from './checkpoint-load.ts';

/** The run's rollbacks, oldest first; absent before the first. */
const ROLLBACKS_FILE = 'rollbacks.json';
/** A rollback that has been decided and is not done; absent at all other times. */
const PENDING_ROLLBACK_FILE = 'rollback-pending.json';
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
  readonly isTrusted: (step: number) => boolean;
  readonly files?: CheckpointFiles;
}

const RollbacksSchema = v.array(
  v.strictObject({
    fromStep: wholeNumber,
    toStep: wholeNumber,
    kind: v.picklist(HEALTH_KINDS),
    since: wholeNumber,
    learningRateFactor: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
  }),
);
const PendingSchema = v.strictObject({
  /** Names the checkpoints that are set aside: abandoned-<number>-step-… */
  number: wholeNumber,
  /** What {@link ROLLBACKS_FILE} says afterwards; the last one is under way. */
  rollbacks: v.pipe(RollbacksSchema, v.minLength(1)),
});
type Pending = v.InferOutput<typeof PendingSchema>;

/**
 * Makes a run's folder continue from its newest healthy checkpoint, or from its beginning, at half the learning rate. The
 * decision is on the disk before anything else changes: after a crash, {@link finishRollback} does the rest. The run's lock
 * must be held, and no checkpoint being written.
 * @throws OperatorError when the disk refuses.
 */
export async function rollBack(options: RollbackOptions): Promise<Rollback> {
  const { runFolder, finding, fromStep, files = diskFiles } = options;
  const earlier = await readRollbacks(runFolder, files);
  const root = join(runFolder, CHECKPOINTS_FOLDER);
  const entries = await files.list(root);
  const target = await newestHealthy(checkpointNames(entries).reverse(), root, options);
  const { kind, since } = finding;
  const learningRateFactor = factorAfter(earlier) * LEARNING_RATE_FACTOR;
  const rollback: Rollback = { fromStep, toStep: target?.step ?? 0, kind, since, learningRateFactor };
  // Higher than any number that was used, even by a rollback that no record knows.
  const number = 1 + Math.max(earlier.length, ...entries.map(abandonedNumberOf));
  const pending: Pending = { number, rollbacks: [...earlier, rollback] };
  await explained(runFolder, async () => {
    await writeWhole(files, join(runFolder, PENDING_ROLLBACK_FILE), encode(pending));
    await carryOut(runFolder, pending, files);
  });
  return rollback;
}

/**
 * Does what is left of a rollback that a crash interrupted. The run's lock must be held.
 * @returns the rollback; null when there was none to finish.
 * @throws OperatorError when its record is not what was written, or the disk refuses.
 */
export async function finishRollback(runFolder: string, files: CheckpointFiles = diskFiles): Promise<Rollback | null> {
  const pending = await readRecord(join(runFolder, PENDING_ROLLBACK_FILE), PendingSchema, files);
  if (pending === null) return null;
  await explained(runFolder, () => carryOut(runFolder, pending, files));
  return pending.rollbacks.at(-1)!;
}

/** Every operation may be done a second time: no step is trained before all of them are done. */
async function carryOut(runFolder: string, { number, rollbacks }: Pending, files: CheckpointFiles): Promise<void> {
  const root = join(runFolder, CHECKPOINTS_FOLDER);
  const { toStep } = rollbacks.at(-1)!;
  const entries = await files.list(root);
  for (const { name, step } of checkpointNames(entries).reverse()) {
    if (toStep > 0 && step <= toStep) break;
    const aside = `abandoned-${number}-${name}`;
    // A loss of power in the midst of a rename may leave both names.
    if (entries.includes(aside)) await files.remove(join(root, name));
    else await files.rename(join(root, name), join(root, aside));
  }
  await files.makeDirectory(root);
  await files.syncDirectory(root);
  await writeWhole(files, join(runFolder, ROLLBACKS_FILE), encode(rollbacks));
  await files.remove(join(runFolder, PENDING_ROLLBACK_FILE));
  await files.syncDirectory(runFolder);
}

async function newestHealthy(
  newestFirst: readonly CheckpointName[],
  root: string,
  { isTrusted, files = diskFiles }: RollbackOptions,
): Promise<CheckpointName | null> {
  for (const named of newestFirst.filter(({ step }) => isTrusted(step))) {
    try {
      if (isHealthy((await verifyCheckpoint(root, named, files)).state.health)) return named;
    } catch (error) {
      // A run can't go back to a damaged one; any other error is thrown on.
      faultOf(error);
    }
  }
  return null;
}

/** @throws OperatorError when the file is not what was written. */
export async function readRollbacks(
  runFolder: string,
  files: CheckpointFiles = diskFiles,
): Promise<readonly Rollback[]> {
  return (await readRecord(join(runFolder, ROLLBACKS_FILE), RollbacksSchema, files)) ?? [];
}

/** What the schedule's learning rate is multiplied by after these rollbacks. */
export function factorAfter(rollbacks: readonly Rollback[]): number {
  return rollbacks.at(-1)?.learningRateFactor ?? 1;
}

/** Nothing is lost by a disk that refuses: the next start goes on where this one stopped. */
async function explained(runFolder: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === undefined) throw cause;
    throw new OperatorError(`can't roll back the run in ${runFolder}: ${remedyFor(cause)}, then resume the run`, {
      cause,
    });
  }
}

/** @returns null when there is no such file. */
async function readRecord<Schema extends v.GenericSchema>(
  path: string,
  schema: Schema,
  files: CheckpointFiles,
): Promise<v.InferOutput<Schema> | null> {
  let bytes: Uint8Array;
  try {
    bytes = await files.read(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fileError(error, `can't read ${path}`, { exitCode: exitCodes.data });
  }
  try {
    return v.parse(schema, JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    const what = `${path} is damaged: restore it from a copy, for it says which learning rate the run has`;
    throw new OperatorError(what, { exitCode: exitCodes.data, cause });
  }
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

function abandonedNumberOf(name: string): number {
  return Number(/^abandoned-(\d{1,6})-/.exec(name)?.[1] ?? 0);
}
