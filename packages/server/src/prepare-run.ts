import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Model } from '@convoy/model/architecture';
import { initialValues } from '@convoy/model/initial-values';
import type { LoadedWorkload } from '@convoy/model/loaded-workload';
import { METRIC_OF } from '@convoy/model/loss';
import type { Dataset } from '@convoy/model/dataset';
import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunEvent } from '@convoy/protocol/run-events';
import { GENERATOR_VERSION } from '@convoy/numerics/random/threefry';
import { FROM_THE_START, type StartingPoint } from '@convoy/training/coordinator/task-sequence';
import { createOptimizer } from '@convoy/training/optimizer/optimizer';
import { planRun, PERMUTATION_VERSION, raggedEnd, type RunPlan, type RaggedEnd } from '@convoy/training/sampling';
import { modelOf, openData } from '@convoy/workload/open-workload';
import { sortedNote } from '@convoy/workload/sorted-note';
import { loadNewestCheckpoint, type LoadedCheckpoint } from '@convoy/run-store/checkpoint-load';
import { CheckpointError, CheckpointStore, type CheckpointStoreOptions } from '@convoy/run-store/checkpoint-store';
import { systemClock } from './clock.ts';
import { HealthWatch } from './health-watch.ts';
import { DEFAULT_RUN_OPTIONS, type CheckpointInterval, type RunOptions } from './run-options.ts';
import { Parameters } from './parameters.ts';
import { resolveRun } from './resolve-run.ts';
import { factorAfter, finishRollback, readRollbacks, rollBack } from '@convoy/run-store/rollback';
import { assertExtends, extendConfig } from '@convoy/run-store/extend-config';
import { makeRunDirectory, readConfig, RunFolder } from '@convoy/run-store/run-folder';
import { RunFigures } from '@convoy/training/figures';
import { RunLock } from '@convoy/run-store/run-lock';
import { keepOptions } from '@convoy/run-store/kept-options';
import { ParameterServer, type RunEnd } from './server.ts';

export interface PrepareOptions extends RunOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where workers will reach the run, for whoever finds it locked; null when only this process knows. */
  readonly url: string | null;
  /** Train on the synthetic set when CIFAR-10 can't be had, instead of stopping. */
  readonly fallbackToSynthetic?: boolean;
  /** Of so many training images. */
  readonly syntheticSize?: number | undefined;
  /** The one worker computes in this process: nobody could take its place, and it can't hang without this server. */
  readonly isSingle?: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  /** One line for the operator. */
  readonly onNote: (line: string) => void;
  readonly onDownload: (received: number, total: number | undefined) => void;
}

export interface PreparedRun {
  readonly run: string;
  readonly server: ParameterServer;
  readonly folder: string;
  readonly dataset: Dataset;
  readonly model: Model;
  readonly config: RunConfig;
  readonly deterministic: boolean;
  /** Micro-batches in a full step: more workers than that have nothing to do. */
  readonly microBatches: number;
  /** The server's end, when the run's folder is free for another process. */
  readonly ended: Promise<RunEnd>;
}

/** A run's folder, locked, with what it starts from. */
interface Opened {
  readonly run: string;
  readonly config: RunConfig;
  readonly model: Model;
  readonly dataset: Dataset;
  readonly folder: RunFolder;
  readonly lock: RunLock;
  /** Undefined for a new run; null for one that was stopped before its first checkpoint. */
  readonly checkpoint: LoadedCheckpoint | null | undefined;
}

/** From options to a parameter server that waits for workers: a new run's, or a resumed one's. @throws OperatorError naming what to change. */
export async function prepareRun(options: PrepareOptions): Promise<PreparedRun> {
  const { resume, deadAfterMs, onEvent } = options;
  const incarnation = randomBytes(6).toString('hex');
  let server: ParameterServer | null = null;
  const fail = (error: Error) => server?.fail(error);
  const opened = await (resume === undefined
    ? openNew(options, incarnation, fail)
    : openAgain(resume, options, incarnation, fail));
  const { run, config, model, dataset, folder, lock, checkpoint } = opened;
  if (lock.tookOver !== null) options.onNote(lock.tookOver);
  const { checkpointEvery, keepCheckpoints, onCollapse } = keepOptions(
    folder.path,
    options,
    DEFAULT_RUN_OPTIONS,
    options.onNote,
  );
  const plan = planRun(config, dataset);
  const metric = METRIC_OF[model.loss];
  const optimizer = createOptimizer(config.optimizer, model);
  const parameters = new Parameters(initialValues(model, config.seed), optimizer, model.tensors);
  if (checkpoint) parameters.restore(checkpoint.optimizer, checkpoint.kept);
  const rollbacks = await readRollbacks(folder.path);
  const health = new HealthWatch({
    classes: metric === 'accuracy' ? model.outputs : null,
    tensors: model.tensors,
    warmupSteps: warmupStepsOf(config, plan),
    from: checkpoint?.state.health ?? null,
    onCollapse,
    rollbacks,
  });
  const isTarget = (step: number) => isExpected(step, checkpointEvery, plan);
  const isRefuge = (step: number) => isTarget(step) && step <= health.trustedUntil;
  const checkpoints = await openCheckpoints(lock, {
    runFolder: folder.path,
    targets: { isExpected: isTarget, trustedForGood: health.trustedForGoodIn },
    identity: { run, config, ...identityOf(model, dataset), tensors: model.tensors },
    keep: keepCheckpoints,
    now: systemClock.now,
    fence: lock.assertHeld,
    onWritten: (written) => server?.report({ type: 'checkpoint-saved', ...written }),
    onFailed: (step, error) => {
      if (error instanceof CheckpointError) server?.report({ type: 'checkpoint-failed', step, reason: error.message });
      else fail(error as Error);
    },
  });
  server = new ParameterServer({
    run,
    incarnation,
    config,
    plan,
    model,
    dataFingerprint: dataset.fingerprint,
    folder,
    parameters,
    figures: new RunFigures(run, plan, checkpoint?.state.figures, metric),
    start: startOf(checkpoint),
    callbacks: checkpoint?.state.callbacks,
    numericsFingerprint: checkpoint?.state.numericsFingerprint ?? null,
    checkpoints,
    fence: lock.assertHeld,
    health,
    learningRateFactor: factorAfter(rollbacks),
    rollBack: (finding, fromStep) => rollBack({ runFolder: folder.path, finding, fromStep, isRefuge }),
    coordinator: {
      minWorkers: options.minWorkers,
      checkpointEverySteps: checkpointEvery.steps,
      checkpointEveryMs: checkpointEvery.ms,
      suspectAfterMs: Math.max(SUSPECT_AFTER_AT_LEAST_MS, SUSPECT_SHARE * deadAfterMs),
      deadAfterMs,
      ...(options.isSingle ? { hungAfterMs: Infinity } : {}),
    },
    onEvent,
    clock: systemClock,
  });
  const ended = server.ended.finally(async () => {
    await checkpoints.flush();
    await lock.release();
  });
  // Whoever waits for it deals with a failure; until somebody does, it is not unhandled.
  ended.catch(() => {});
  const microBatches = Math.ceil(config.globalBatchSize / config.microBatchSize);
  return {
    run,
    server,
    folder: folder.path,
    dataset,
    model,
    config,
    deterministic: config.deterministic,
    microBatches,
    ended,
  };
}

/** Whether a step has a checkpoint whatever the clock says: a run that collapses must go back to the same one every time. */
function isExpected(step: number, checkpointEvery: CheckpointInterval, { stepsPerEpoch }: RunPlan): boolean {
  return step % stepsPerEpoch === 0 || (checkpointEvery.steps !== null && step % checkpointEvery.steps === 0);
}

function warmupStepsOf({ schedule }: RunConfig, { stepsPerEpoch }: RunPlan): number {
  return schedule.warmup * (schedule.per === 'epoch' ? stepsPerEpoch : 1);
}

async function openCheckpoints(lock: RunLock, options: CheckpointStoreOptions): Promise<CheckpointStore> {
  try {
    return await CheckpointStore.open(options);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** A worker is suspected after this share of the time after which it is dead. */
const SUSPECT_SHARE = 0.3;
/** Two heartbeats that did not come. */
const SUSPECT_AFTER_AT_LEAST_MS = 2_500;

async function openNew(options: PrepareOptions, incarnation: string, onLost: (error: Error) => void): Promise<Opened> {
  const { runDir, url } = options;
  // Before anything is downloaded: a wrong flag should be told at once.
  const { config: wanted, workload, model } = await resolveRun(options);
  const { dataset, config } = await openNewData(options, wanted, workload);
  const ragged = raggedEnd(config, planRun(config, dataset));
  if (ragged !== null) options.onNote(noteOf(ragged, config));
  const sorted = sortedNote(config, dataset);
  for (const note of [...(dataset.notes ?? []), ...(sorted === null ? [] : [sorted])]) options.onNote(note);
  const run = nameRun(new Date(), workload.namesOf(config).run);
  const path = runDir ?? join('runs', run);
  makeRunDirectory(path);
  const lock = await RunLock.acquire(path, { run, incarnation, url, onLost });
  try {
    const folder = new RunFolder(path, config, options.onNote, { run });
    return { run, config, model, dataset, folder, lock, checkpoint: undefined };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openAgain(
  path: string,
  options: PrepareOptions,
  incarnation: string,
  onLost: (error: Error) => void,
): Promise<Opened> {
  const { dataDir, workload, environment, signal, url, onDownload, onNote } = options;
  // Before the lock makes anything in it: it must be a run's folder.
  readConfig(path);
  const lock = await RunLock.acquire(path, { run: path, incarnation, url, onLost });
  try {
    const { folder, run, config: held } = RunFolder.reopen(path, onNote);
    const config = options.extension === undefined ? held : extendConfig(held, options.extension);
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
    return { run, config, model, dataset, folder, lock, checkpoint };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function identityOf(model: Model, dataset: Dataset) {
  return {
    modelHash: model.hash,
    dataFingerprint: dataset.fingerprint,
    permutationVersion: PERMUTATION_VERSION,
    generatorVersion: GENERATOR_VERSION,
  };
}

function startOf(checkpoint: LoadedCheckpoint | null | undefined): StartingPoint | undefined {
  if (checkpoint === undefined) return undefined;
  if (checkpoint === null) return { ...FROM_THE_START, resumed: true };
  const { position, consecutiveSkips, callbacks } = checkpoint.state;
  return { resumed: true, position, consecutiveSkips, stopReason: callbacks?.stopReason ?? null };
}

function noteOf({ samples, better }: RaggedEnd, { globalBatchSize }: RunConfig): string {
  const few = samples === 1 ? 'a single sample' : `${samples} samples`;
  return `every epoch ends with a step of ${few}, where the others have ${globalBatchSize}: what it changes is mostly chance. --batch-size ${better} would not`;
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
