import type { RunConfig } from '@convoy/protocol/run-config';
import type { TrainingState } from '@convoy/run-store/training-state';
import type { CallbacksState } from '@convoy/training/callbacks/callbacks';
import type { Position } from '@convoy/training/coordinator/events';
import type { RunFigures } from '@convoy/training/figures';
import type { RunPlan } from '@convoy/training/sampling';
import { EpochCallbacks } from './epoch-callbacks.ts';
import type { HealthWatch } from './health-watch.ts';
import type { LayerWatch } from './layer-watch.ts';
import type { Parameters } from './parameters.ts';
import type { Predictions } from './predictions.ts';
import { Plausibility } from './results.ts';
import type { RunContext } from './run-context.ts';

/** The training that a task moves on: all that a commit may change is in here. */
export interface Training {
  readonly config: RunConfig;
  readonly plan: RunPlan;
  readonly trainableCount: number;
  readonly parameters: Pick<Parameters, 'values' | 'update'>;
  readonly figures: RunFigures;
  readonly callbacks: Pick<EpochCallbacks, 'state' | 'stepDone' | 'validated'>;
  /** Null watches nothing. */
  readonly health: Pick<HealthWatch, 'committed' | 'skipped' | 'validated' | 'reaction'> | null;
  readonly plausibility: Pick<Plausibility, 'noteCommitted' | 'noteEvaluated'>;
  /** What earlier rollbacks left of the learning rate. */
  readonly rollbackFactor: number;
  /** Null shows nothing of what is evaluated. */
  readonly predictions?: Pick<Predictions, 'conclude'> | null;
  /** Null shows nothing of the layers. */
  readonly layers?: LayerWatch | null;
}

/** A server's training: one that can be written down. */
export interface ServedTraining extends Training {
  readonly parameters: Parameters;
  readonly callbacks: EpochCallbacks;
  readonly health: HealthWatch | null;
  readonly plausibility: Plausibility;
  readonly predictions: Predictions | null;
}

export interface TrainingOptions {
  readonly context: RunContext;
  /** The training state and the figures, as they are at the start. */
  readonly parameters: Parameters;
  readonly figures: RunFigures;
  /** What the callbacks have seen and decided by then. */
  readonly callbacks?: CallbacksState | undefined;
  /** Null watches nothing. */
  readonly health?: HealthWatch | null;
  /** What earlier rollbacks left of the learning rate. Default 1. */
  readonly rollbackFactor?: number;
  /** Null shows nothing of what is evaluated. */
  readonly predictions?: Predictions | null;
  /** Null shows nothing of the layers. */
  readonly layers?: LayerWatch | null;
}

export function startTraining({ context, callbacks, ...options }: TrainingOptions): ServedTraining {
  const { config, layout } = context;
  const { plan, model } = layout;
  const { parameters, figures, health = null, rollbackFactor = 1, predictions = null, layers = null } = options;
  return {
    config,
    plan,
    trainableCount: model.trainableCount,
    parameters,
    figures,
    callbacks: new EpochCallbacks({ config, plan, parameters, figures, state: callbacks }),
    health,
    plausibility: new Plausibility(figures.metric),
    rollbackFactor,
    predictions,
    layers,
  };
}

/** What a checkpoint at a position keeps of a training; the coordinator and the sessions know the rest. */
export function trainingStateAt(
  position: Position,
  { plan, parameters, figures, callbacks, health }: ServedTraining,
  nowMs: number,
): Omit<TrainingState, 'consecutiveSkips' | 'numericsFingerprint'> {
  return {
    position,
    epoch: Math.floor(position.step / plan.stepsPerEpoch),
    optimizer: parameters.state,
    figures: figures.snapshot(nowMs),
    ...figures.validationNow,
    callbacks: callbacks.state,
    kept: parameters.kept,
    monitored: callbacks.monitoredAt(position.step),
    health: health?.snapshot() ?? null,
  };
}
