import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Model } from '@convoy/model/architecture';
import type { Dataset } from '@convoy/model/dataset';
import { initialValues } from '@convoy/model/initial-values';
import { METRIC_OF } from '@convoy/model/loss';
import { gradientArithmetic } from '@convoy/numerics/gradient-arithmetic';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { Rollback, RunEvent } from '@convoy/protocol/run-events';
import type { LoadedCheckpoint } from '@convoy/run-store/checkpoint-load';
import { CheckpointError, CheckpointStore, type CheckpointStoreOptions } from '@convoy/run-store/checkpoint-store';
import { EVENTS_FILE } from '@convoy/run-store/event-log';
import { keepOptions } from '@convoy/run-store/kept-options';
import { loggedImages } from '@convoy/run-store/logged-images';
import { factorAfter, readRollbacks, rollBack } from '@convoy/run-store/rollback';
import type { RunLock } from '@convoy/run-store/run-lock';
import type { CoordinatorOptions } from '@convoy/training/coordinator/options';
import { FROM_THE_START, type StartingPoint } from '@convoy/training/coordinator/task-sequence';
import { RunFigures } from '@convoy/training/figures';
import { createOptimizer } from '@convoy/training/optimizer/optimizer';
import { planRun, type RunPlan } from '@convoy/training/sampling';
import { systemClock } from './clock.ts';
import { HealthWatch, type CollapseAction } from './health-watch.ts';
import { LayerWatch } from './layer-watch.ts';
import { identityOf, openRun, type OpenedRun } from './open-run.ts';
import { thisMachine } from './machine.ts';
import { Parameters } from './parameters.ts';
import { Predictions } from './predictions.ts';
import type { RunContext } from './run-context.ts';
import type { RunEnd } from './run-end.ts';
import { DEFAULT_RUN_OPTIONS, type CheckpointInterval, type PrepareOptions } from './run-options.ts';
import { ParameterServer } from './server.ts';
import { saveTrace } from './trace/save-trace.ts';

/** A worker is suspected after this share of the time after which it is dead. */
const SUSPECT_SHARE = 0.3;
/** Two heartbeats that did not come. */
const SUSPECT_AFTER_AT_LEAST_MS = 2_500;

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

/** From options to a parameter server that waits for workers: a new run's, or a resumed one's. @throws OperatorError naming what to change. */
export async function prepareRun(options: PrepareOptions): Promise<PreparedRun> {
  const incarnation = randomBytes(6).toString('hex');
  /** Aborted by whatever the run can't go on without. */
  const fault = new AbortController();
  const fail = (error: Error) => fault.abort(error);
  const opened = await openRun(options, { incarnation, onLost: fail });
  const { run, config, model, dataset, folder, lock, checkpoint, leftBehind } = opened;
  if (lock.tookOver !== null) options.onNote(lock.tookOver);
  const context = contextOf(opened, incarnation, options.onEvent);
  const rollbacks = await readRollbacks(folder.path);
  const kept = keepOptions(folder.path, options, DEFAULT_RUN_OPTIONS, options.onNote);
  const { checkpointEvery, keepCheckpoints, onCollapse } = kept;
  const health = watchHealth(opened, context, rollbacks, onCollapse);
  const isTarget = (step: number) => isExpected(step, checkpointEvery, context.layout.plan);
  const isTrusted = (step: number) => isTarget(step) && step <= health.trustedUntil;
  const checkpoints = await openCheckpoints(lock, {
    runFolder: folder.path,
    targets: { isExpected: isTarget, trustedForGood: health.trustedForGoodIn },
    identity: { run, config, ...identityOf(model, dataset), tensors: model.tensors },
    keep: keepCheckpoints,
    now: context.clock.now,
    fence: lock.assertHeld,
    onWritten: (written) => context.report({ type: 'checkpoint-saved', ...written }),
    onFailed: (step, error) => {
      if (error instanceof CheckpointError) context.report({ type: 'checkpoint-failed', step, reason: error.message });
      else fail(error as Error);
    },
  });
  const server = new ParameterServer({
    context,
    folder,
    checkpoints,
    fence: lock.assertHeld,
    rollBack: (finding, fromStep) => rollBack({ runFolder: folder.path, finding, fromStep, isTrusted }),
    fault: fault.signal,
    parameters: parametersOf(opened),
    figures: new RunFigures(run, context.layout.plan, checkpoint?.state.figures, METRIC_OF[model.loss]),
    start: startOf(checkpoint),
    callbacks: checkpoint?.state.callbacks,
    numericsFingerprint: checkpoint?.state.numericsFingerprint ?? null,
    health,
    rollbackFactor: factorAfter(rollbacks),
    predictions: await predictionsOf(opened, context, options.onNote),
    layers: new LayerWatch(model.tensors, context.layout.plan),
    leftBehind,
    coordinator: coordinatorOptions(options, checkpointEvery),
    tracer: options.tracer ?? null,
    saveTrace: (tracer) => saveTrace(tracer, { run, folder: folder.path, onNote: options.onNote }),
  });
  const ended = server.ended.finally(async () => {
    await checkpoints.flush();
    await lock.release();
  });
  // Whoever waits for it deals with a failure; until somebody does, it is not unhandled.
  ended.catch(() => {});
  const microBatches = Math.ceil(config.globalBatchSize / config.microBatchSize);
  const { deterministic } = config;
  return { run, server, folder: folder.path, dataset, model, config, deterministic, microBatches, ended };
}

function contextOf(
  { run, config, model, dataset, folder }: OpenedRun,
  incarnation: string,
  onEvent: (event: RunEvent) => void,
): RunContext {
  return {
    identity: { run, incarnation },
    config,
    layout: { plan: planRun(config, dataset), model, dataFingerprint: dataset.fingerprint },
    clock: systemClock,
    machine: thisMachine(),
    report: (fact) => {
      const event: RunEvent = { at: systemClock.now(), ...fact };
      folder.log(event);
      onEvent(event);
    },
  };
}

/** The training state that a run starts from: the initial values, or a checkpoint's. */
function parametersOf({ config, model, checkpoint }: OpenedRun): Parameters {
  const optimizer = createOptimizer(config.optimizer, model);
  const parameters = new Parameters(initialValues(model, config.seed), optimizer, model.tensors);
  if (checkpoint) parameters.restore(checkpoint.optimizer, checkpoint.kept);
  return parameters;
}

async function predictionsOf(
  { config, model, dataset, folder, checkpoint }: OpenedRun,
  { layout }: RunContext,
  onNote: (line: string) => void,
): Promise<Predictions> {
  const isNew = checkpoint === undefined;
  const logged = isNew ? { keys: new Set<string>(), bytes: 0 } : await loggedImages(join(folder.path, EVENTS_FILE));
  const gradientBytes = gradientArithmetic(config.gradientFormat, model).messageBytes;
  return new Predictions({ dataset, model, config, plan: layout.plan, gradientBytes, logged, onNote });
}

function watchHealth(
  { model, checkpoint }: OpenedRun,
  { config, layout }: RunContext,
  rollbacks: readonly Rollback[],
  onCollapse: CollapseAction,
): HealthWatch {
  return new HealthWatch({
    classes: METRIC_OF[model.loss] === 'accuracy' ? model.outputs : null,
    tensors: model.tensors,
    warmupSteps: warmupStepsOf(config, layout.plan),
    from: checkpoint?.state.health ?? null,
    onCollapse,
    rollbacks,
  });
}

function coordinatorOptions(options: PrepareOptions, checkpointEvery: CheckpointInterval): Partial<CoordinatorOptions> {
  const { minWorkers, deadAfterMs, isSingle = false } = options;
  return {
    minWorkers,
    checkpointEverySteps: checkpointEvery.steps,
    checkpointEveryMs: checkpointEvery.ms,
    suspectAfterMs: Math.max(SUSPECT_AFTER_AT_LEAST_MS, SUSPECT_SHARE * deadAfterMs),
    deadAfterMs,
    ...(isSingle ? { hungAfterMs: Infinity } : {}),
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

function startOf(checkpoint: LoadedCheckpoint | null | undefined): StartingPoint | undefined {
  if (checkpoint === undefined) return undefined;
  if (checkpoint === null) return { ...FROM_THE_START, resumed: true };
  const { position, consecutiveSkips, callbacks } = checkpoint.state;
  return { resumed: true, position, consecutiveSkips, stopReason: callbacks?.stopReason ?? null };
}
