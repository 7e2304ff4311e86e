import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Model } from '@convoy/model/architecture';
import type { Dataset } from '@convoy/model/dataset';
import type { LoadedWorkload } from '@convoy/model/loaded-workload';
import { countOf } from '@convoy/protocol/event-words';
import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import { GENERATOR_VERSION } from '@convoy/numerics/random/threefry';
import { planRun, PERMUTATION_VERSION, raggedEnd, type RaggedEnd, type RunPlan } from '@convoy/training/sampling';
import { modelOf, openData } from '@convoy/workload/open-workload';
import { sortedNote } from '@convoy/workload/workload-notes';
import { loadNewestCheckpoint, type LoadedCheckpoint } from '@convoy/run-store/checkpoint-load';
import { assertExtends, configDifference, extendConfig } from '@convoy/run-store/extend-config';
import { EVENTS_FILE, workersLeftBehind } from '@convoy/run-store/event-log';
import { finishRollback } from '@convoy/run-store/rollback';
import { assertWritable, holdsRun, makeRunDirectory, readConfig, RunFolder } from '@convoy/run-store/run-folder';
import { RunLock } from '@convoy/run-store/run-lock';
import { systemClock } from './clock.ts';
import { resolveRun } from './resolve-run.ts';
import type { PrepareOptions } from './run-options.ts';

/** A run's folder, locked, with what it starts from. */
export interface OpenedRun {
  readonly run: string;
  readonly config: RunConfig;
  readonly model: Model;
  readonly dataset: Dataset;
  readonly folder: RunFolder;
  readonly lock: RunLock;
  /** Undefined for a new run; null for one that was stopped before its first checkpoint. */
  readonly checkpoint: LoadedCheckpoint | null | undefined;
  /** Workers of the run's last server that were never told of its end. */
  readonly leftBehind: ReadonlySet<string>;
}

/** What opens a run: this process's name, and whom to tell when it loses the run's lock. */
interface Opener {
  readonly incarnation: string;
  readonly onLost: (error: Error) => void;
}

/** Makes a new run's folder, or opens that which is to go on, and locks it. @throws OperatorError naming what to change. */
export async function openRun(options: PrepareOptions, opener: Opener): Promise<OpenedRun> {
  const resume = options.resume ?? (await begunBefore(options));
  return resume === undefined ? openNew(options, opener) : openAgain(resume, options, opener);
}

/**
 * The run's own folder, if it was started before and may be resumed.
 * @throws OperatorError when the run in it has other settings.
 */
async function begunBefore({ orResume = false, runDir, ...options }: PrepareOptions): Promise<string | undefined> {
  if (!orResume || runDir === undefined || !holdsRun(runDir)) return undefined;
  const { config } = await resolveRun(options);
  const difference = configDifference(readConfig(runDir), config);
  if (difference === null) return runDir;
  throw new OperatorError(
    `${runDir} holds a run with other settings (${difference}): choose another folder with --run-dir, or the settings of that run`,
  );
}

async function openNew(options: PrepareOptions, { incarnation, onLost }: Opener): Promise<OpenedRun> {
  const { runDir, url } = options;
  // Before anything is downloaded: a wrong flag should be told at once.
  const { config: wanted, workload, model } = await resolveRun(options);
  assertThreads(wanted, options);
  const { dataset, config } = await openNewData(options, wanted, workload);
  const plan = planRun(config, dataset);
  const ragged = raggedEnd(config, plan);
  if (ragged !== null) options.onNote(noteOf(ragged, config));
  if (config.globalBatchSize > plan.trainSamples) options.onNote(smallDataNote(config, plan));
  const sorted = sortedNote(config, dataset);
  for (const note of [...(dataset.notes ?? []), ...(sorted === null ? [] : [sorted])]) options.onNote(note);
  const run = nameRun(new Date(), workload.namesOf(config).run);
  const path = runDir ?? join('runs', run);
  makeRunDirectory(path);
  const lock = await RunLock.acquire(path, { run, incarnation, url, onLost });
  try {
    const folder = new RunFolder(path, config, options.onNote, { run });
    return { run, config, model, dataset, folder, lock, checkpoint: undefined, leftBehind: new Set() };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openAgain(path: string, options: PrepareOptions, { incarnation, onLost }: Opener): Promise<OpenedRun> {
  const { dataDir, workload, environment, signal, url, onDownload, onNote } = options;
  // Before the lock makes anything in it: it must be a run's folder.
  readConfig(path);
  const lock = await RunLock.acquire(path, { run: path, incarnation, url, onLost });
  try {
    assertWritable(path);
    const { folder, run, config: held } = RunFolder.reopen(path, onNote);
    const config = options.extension === undefined ? held : extendConfig(held, options.extension);
    assertThreads(config, options);
    const model = await modelOf(config, workload);
    const dataset = await openData(config, { dataDir, workload, environment, signal, onProgress: onDownload });
    const finished = await finishRollback(path);
    if (finished !== null) {
      onNote(`finished the rollback to step ${finished.toStep} that was interrupted`);
      folder.log({ at: systemClock.now(), type: 'rolled-back', ...finished });
    }
    const { checkpoint, faults } = await loadNewestCheckpoint(path, { run, config, ...identityOf(model, dataset) });
    for (const { name, fault } of faults) onNote(`checkpoint ${name} is damaged and was passed over: ${fault}`);
    if (checkpoint === null) onNote(`${path} has no checkpoint yet: the run starts from its beginning`);
    if (config !== held) {
      const stopReason = checkpoint?.state.callbacks?.stopReason ?? null;
      assertExtends(config, planRun(held, dataset), planRun(config, dataset), stopReason);
      folder.saveConfig(run, config);
    }
    const leftBehind = await workersLeftBehind(join(path, EVENTS_FILE));
    return { run, config, model, dataset, folder, lock, checkpoint, leftBehind };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** @throws OperatorError when all workers that are going to be started would be turned away. */
function assertThreads({ deterministic }: RunConfig, { threads = 1 }: PrepareOptions): void {
  if (!deterministic || threads === 1) return;
  throw new OperatorError(`a deterministic run has one thread per worker: leave out --threads ${threads}`);
}

/** What a run's data and draws are known by: its checkpoints are of these. */
export function identityOf(model: Model, dataset: Dataset) {
  return {
    modelHash: model.hash,
    dataFingerprint: dataset.fingerprint,
    permutationVersion: PERMUTATION_VERSION,
    generatorVersion: GENERATOR_VERSION,
  };
}

function noteOf({ samples, better }: RaggedEnd, { globalBatchSize }: RunConfig): string {
  const few = samples === 1 ? 'a single sample' : `${samples} samples`;
  return `every epoch ends with a step of ${few}, where the others have ${globalBatchSize}: what it changes is mostly chance. --batch-size ${better} would not`;
}

function smallDataNote({ globalBatchSize }: RunConfig, { trainSamples }: RunPlan): string {
  return `--batch-size (${globalBatchSize}) is larger than the training data (${countOf(trainSamples, 'sample')}): every step takes all of it`;
}

async function openNewData(
  options: PrepareOptions,
  config: RunConfig,
  workload: LoadedWorkload,
): Promise<{ readonly dataset: Dataset; readonly config: RunConfig }> {
  const { dataDir, environment, signal, fallbackToSynthetic = false, syntheticSize, onNote, onDownload } = options;
  const places = { dataDir, environment, signal, onProgress: onDownload };
  try {
    return { dataset: await workload.openDataset(config.dataset, places), config };
  } catch (error) {
    // Ctrl-C is no lack of data.
    const mayReplace = fallbackToSynthetic && !signal.aborted && error instanceof OperatorError;
    const standIn = mayReplace ? (workload.standIn?.({ ...places, syntheticSize }) ?? null) : null;
    if (standIn === null) throw error;
    onNote((error as Error).message);
    onNote(standIn.note);
    const replaced = { ...config, dataset: standIn.dataset };
    return { dataset: await workload.openDataset(replaced.dataset, places), config: replaced };
  }
}

/** Sorts by time, says the recipe, and differs from every other: 20261124-051200-quick-3f9a. */
function nameRun(now: Date, recipe: string): string {
  const time = now
    .toISOString()
    .replace(/[-:]|\..*/g, '')
    .replace('T', '-');
  return `${time}-${recipe}-${randomBytes(2).toString('hex')}`;
}
