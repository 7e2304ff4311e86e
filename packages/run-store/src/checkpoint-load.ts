import { join } from 'node:path';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { configDifference } from './extend-config.ts';
import type { RunConfig } from '@convoy/protocol/run-config';
import { readFloat32 } from '@convoy/protocol/tensor';
import { slotsOf, type OptimizerState } from '@convoy/training/optimizer/optimizer';
import {
  CheckpointFault,
  CHECKPOINTS_FOLDER,
  checkpointNames,
  digest,
  MANIFEST_FILE,
  parseManifest,
  parseState,
  KEPT_PARAMETERS_FILE,
  PARAMETERS_FILE,
  slotFile,
  STATE_FILE,
  type CheckpointManifest,
  type CheckpointName,
  type CheckpointState,
} from './checkpoint.ts';
import { diskFiles, type CheckpointFiles } from './checkpoint-files.ts';

/** What a run is and must still be when it goes on from a checkpoint. What is left out is not compared. */
export interface CheckpointExpectations {
  readonly run?: string;
  readonly config?: RunConfig;
  readonly modelHash?: string;
  readonly dataFingerprint?: string;
  readonly permutationVersion?: string;
  readonly generatorVersion?: string;
}

/** A checkpoint whose every byte is what was written. */
export interface LoadedCheckpoint {
  /** Its directory. */
  readonly path: string;
  readonly state: CheckpointState;
  readonly manifest: CheckpointManifest;
  /** Flat vectors of the manifest's tensor table, and the number of updates: fresh memory, the caller's to keep. */
  readonly optimizer: OptimizerState;
  /** Parameters of the best epoch, in fresh memory too; null when none were kept. */
  readonly kept: Float32Array | null;
}

/** A checkpoint that can't be used, and why: one line. */
export interface FaultyCheckpoint {
  readonly name: string;
  readonly step: number;
  readonly fault: string;
}

/** One row of `convoy checkpoints`. Where `fault` is not null, the rest is what could be read. */
export interface ListedCheckpoint {
  readonly name: string;
  readonly step: number;
  /** Epochs complete at its step. */
  readonly epoch: number | null;
  /** The size of all its files. */
  readonly bytes: number;
  /** Validation accuracy of its parameters, 0 to 1; null when they were not evaluated, and in a regression. */
  readonly metric: number | null;
  /** In a regression, of the validation; null when they were not evaluated. */
  readonly meanAbsoluteError?: number | null;
  /** Whether it is the best of the valid checkpoints listed, by the figure that the run monitors; the first of equals. */
  readonly isBest: boolean;
  /** ISO 8601, UTC. */
  readonly writtenAt: string | null;
  readonly fault: string | null;
}

/**
 * The newest checkpoint of a run that verifies, passing over damaged ones.
 * @returns `checkpoint` null when the run has none at all: it was stopped before its first. `faults` are the newer ones
 * that were passed over, newest first: the caller tells the operator.
 * @throws OperatorError when there are checkpoints and none can be used.
 */
export async function loadNewestCheckpoint(
  runFolder: string,
  expected: CheckpointExpectations,
  files: CheckpointFiles = diskFiles,
): Promise<{ readonly checkpoint: LoadedCheckpoint | null; readonly faults: readonly FaultyCheckpoint[] }> {
  const root = join(runFolder, CHECKPOINTS_FOLDER);
  const faults: FaultyCheckpoint[] = [];
  for (const named of checkpointNames(await files.list(root)).reverse()) {
    const { name, step } = named;
    try {
      const checkpoint = await verifyCheckpoint(root, named, files);
      const difference = differenceOf(checkpoint.state, expected);
      if (difference !== null) throw new OperatorError(`${name} in ${root} is intact, but ${difference}`, DATA_FAULT);
      return { checkpoint, faults };
    } catch (error) {
      if (error instanceof OperatorError) throw error;
      faults.push({ name, step, fault: faultOf(error) });
    }
  }
  if (faults.length === 0) return { checkpoint: null, faults };
  const [newest] = faults;
  const all = faults.length === 1 ? 'the one checkpoint' : `none of the ${faults.length} checkpoints`;
  const verdict = faults.length === 1 ? 'can not be used' : 'can be used';
  throw new OperatorError(
    `${all} in ${root} ${verdict} (${newest!.name}: ${newest!.fault}): restore one from a copy, or start the run anew in another folder`,
    DATA_FAULT,
  );
}

const DATA_FAULT = { exitCode: exitCodes.data };

/** Every checkpoint of a run, oldest first, each verified to the last byte. Needs no lock: the run may be going on. */
export async function listCheckpoints(
  runFolder: string,
  files: CheckpointFiles = diskFiles,
): Promise<readonly ListedCheckpoint[]> {
  const root = join(runFolder, CHECKPOINTS_FOLDER);
  const listed: { readonly row: ListedCheckpoint; readonly score: number | null }[] = [];
  // One after the other: a checkpoint is read into memory whole.
  for (const named of checkpointNames(await files.list(root))) {
    const { name, step } = named;
    try {
      const { state, manifest, bytes } = await verifyCheckpoint(root, named, files);
      const { writtenAt, validationAccuracy: metric, validationMeanAbsoluteError: error } = manifest;
      const row = { name, step, epoch: state.epoch, bytes, metric, isBest: false, writtenAt, fault: null };
      listed.push({
        row: error === undefined ? row : { ...row, meanAbsoluteError: error },
        score: scoreOf(manifest),
      });
    } catch (error) {
      // The run may be going on, and its server has removed this one meanwhile.
      if (!(await files.list(root)).includes(name)) continue;
      const bytes = await sizeOf(join(root, name), files);
      const fault = faultOf(error);
      const row = { name, step, epoch: null, bytes, metric: null, isBest: false, writtenAt: null, fault };
      listed.push({ row, score: null });
    }
  }
  const best = bestOf(listed)?.row;
  return listed.map(({ row }) => (row === best ? { ...row, isBest: true } : row));
}

/** The checkpoint with the highest score; the earliest of several. @param entries in the order of their steps. */
export function bestOf<Entry extends { readonly score: number | null }>(entries: readonly Entry[]): Entry | null {
  let best: Entry | null = null;
  for (const entry of entries) {
    if (entry.score !== null && (best === null || entry.score > best.score!)) best = entry;
  }
  return best;
}

/** How good a checkpoint's parameters are: more is better. Null when nobody knows. */
export function scoreOf({
  monitored,
  validationAccuracy,
}: Pick<CheckpointManifest, 'monitored' | 'validationAccuracy'>): number | null {
  if (monitored === undefined) return validationAccuracy;
  if (monitored === null) return null;
  return monitored.direction === 'min' ? -monitored.value : monitored.value;
}

/**
 * Reads a checkpoint and checks lengths, digests, schemas and that the parts belong together.
 * @throws CheckpointFault, or the file system's error.
 */
export async function verifyCheckpoint(
  root: string,
  { name, step }: CheckpointName,
  files: CheckpointFiles,
): Promise<LoadedCheckpoint & { readonly bytes: number }> {
  const path = join(root, name);
  const manifestBytes = await files.read(join(path, MANIFEST_FILE));
  const manifest = parseManifest(manifestBytes);
  const read = async (file: string): Promise<Uint8Array> => {
    const bytes = await files.read(join(path, file));
    const entry = manifest.files[file];
    if (entry === undefined) throw new CheckpointFault(`${MANIFEST_FILE} knows no ${file}`);
    if (bytes.byteLength !== entry.bytes) {
      throw new CheckpointFault(`${file} has ${bytes.byteLength} bytes and was written with ${entry.bytes}`);
    }
    if (digest(bytes) !== entry.sha256) {
      throw new CheckpointFault(`${file} is not what was written: its sha256 differs from the manifest's`);
    }
    return bytes;
  };
  const state = parseState(await read(STATE_FILE));
  if (manifest.step !== step || state.position.step !== step) {
    throw new CheckpointFault(`it is of step ${state.position.step}: the directory was renamed`);
  }
  const vector = async (file: string): Promise<Float32Array> => readFloat32(await read(file));
  const parameters = await vector(PARAMETERS_FILE);
  const slots: Record<string, Float32Array> = {};
  for (const slot of slotsOf(state.config.optimizer)) slots[slot] = await vector(slotFile(state.optimizer.name, slot));
  const optimizer = { updates: state.optimizer.updates, parameters, slots };
  const kept = state.callbacks?.kept ? await vector(KEPT_PARAMETERS_FILE) : null;
  const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, manifestBytes.byteLength);
  return { path, state, manifest, optimizer, kept, bytes };
}

/** The first thing that is not as expected, and what to do about it; null when there is none. */
function differenceOf(state: CheckpointState, expected: CheckpointExpectations): string | null {
  const { config, ...rest } = expected;
  for (const [name, value] of Object.entries(rest)) {
    const found = state[name as keyof typeof rest];
    const { what, advice } = labels[name as keyof typeof rest];
    if (value !== undefined && found !== value)
      return `it was written with ${what} ${found}, and this is ${value}: ${advice}`;
  }
  if (config === undefined) return null;
  const difference = configDifference(state.config, config);
  return difference && `it was written with another configuration (${difference}): put the run's own config.json back`;
}

const SAME_VERSION = 'use the version of Convoy that wrote it';
const labels: Readonly<
  Record<Exclude<keyof CheckpointExpectations, 'config'>, { readonly what: string; readonly advice: string }>
> = {
  run: { what: 'run', advice: "resume it in its own run's folder" },
  modelHash: { what: 'model', advice: SAME_VERSION },
  dataFingerprint: { what: 'data set', advice: "give the run's own images with --data-dir" },
  permutationVersion: { what: 'the permutation', advice: SAME_VERSION },
  generatorVersion: { what: 'the generator', advice: SAME_VERSION },
};

/** One line for a checkpoint that can't be read; anything but damage and the file system's errors is thrown on. */
export function faultOf(error: unknown): string {
  if (error instanceof CheckpointFault) return error.message;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  const file = path?.split('/').at(-1) ?? 'a file';
  return code === 'ENOENT' ? `${file} is missing` : `${file} can't be read (${code})`;
}

async function sizeOf(path: string, files: CheckpointFiles): Promise<number> {
  let bytes = 0;
  for (const file of await files.list(path)) {
    // What can't be read is what the row's fault is about.
    bytes += await files.read(join(path, file)).then(
      ({ byteLength }) => byteLength,
      () => 0,
    );
  }
  return bytes;
}
