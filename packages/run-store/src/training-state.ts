import type { RunConfig } from '@convoy/protocol/run-config';
import type { TensorTable } from '@convoy/protocol/tensor';
import type { CallbacksState } from '@convoy/training/callbacks/callbacks';
import type { MonitoredFigure } from '@convoy/training/callbacks/monitor';
import type { Position } from '@convoy/training/coordinator/events';
import type { FiguresSnapshot, ValidationMetric } from '@convoy/training/figures';
import type { HealthSnapshot } from '@convoy/training/health/health';
import type { OptimizerState } from '@convoy/training/optimizer/optimizer';
import { CHECKPOINT_FORMAT, type CheckpointState } from './checkpoint.ts';

/** What is the same in every checkpoint of a run. */
export interface CheckpointIdentity {
  readonly run: string;
  readonly config: RunConfig;
  readonly modelHash: string;
  readonly dataFingerprint: string;
  readonly permutationVersion: string;
  readonly generatorVersion: string;
  /** The flat vectors' layout. */
  readonly tensors: TensorTable;
}

/** The training state at one moment, with the validation's metric of exactly these parameters: null when they have not been evaluated. */
export interface TrainingState extends ValidationMetric {
  readonly position: Position;
  readonly consecutiveSkips: number;
  /** The epoch of the next step, from 0. */
  readonly epoch: number;
  /** Its vectors are copied before `CheckpointStore.save` returns. */
  readonly optimizer: OptimizerState;
  readonly figures: FiguresSnapshot;
  readonly numericsFingerprint: string | null;
  /** Which of a run's checkpoints is the best is decided by it; null when it is not known. */
  readonly monitored: MonitoredFigure | null;
  readonly callbacks: CallbacksState;
  /** Parameters of the best epoch, copied like the others; null when none are kept. */
  readonly kept: Float32Array | null;
  /** Null where nobody watches it. */
  readonly health?: HealthSnapshot | null;
}

/** What `state.json` says of a state. */
export function stateOf(identity: CheckpointIdentity, state: TrainingState): CheckpointState {
  const { run, config, modelHash, dataFingerprint, permutationVersion, generatorVersion } = identity;
  return {
    format: CHECKPOINT_FORMAT,
    run,
    position: { step: state.position.step, due: [...state.position.due] },
    consecutiveSkips: state.consecutiveSkips,
    epoch: state.epoch,
    seed: config.seed,
    permutationVersion,
    generatorVersion,
    optimizer: { name: config.optimizer.name, updates: state.optimizer.updates },
    figures: state.figures,
    callbacks: state.callbacks,
    config,
    modelHash,
    dataFingerprint,
    numericsFingerprint: state.numericsFingerprint,
    health: state.health ?? null,
  };
}
