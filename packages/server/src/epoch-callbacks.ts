import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunFact } from '@convoy/protocol/run-events';
import { decideAtEpochEnd, startCallbacks, type CallbacksState } from '@convoy/training/callbacks/callbacks';
import { directionOf, NO_FIGURES, type EpochFigures, type MonitoredFigure } from '@convoy/training/callbacks/monitor';
import type { CoordinatorEvent } from '@convoy/training/coordinator/events';
import type { RunPlan } from '@convoy/training/sampling';
import type { Parameters } from './parameters.ts';
import type { EpochEnd, Evaluation, RunFigures } from '@convoy/training/figures';

export interface EpochCallbacksOptions {
  readonly config: RunConfig;
  readonly plan: RunPlan;
  readonly parameters: Parameters;
  readonly figures: RunFigures;
  /** What the checkpoint has that the run is resumed from. */
  readonly state?: CallbacksState | undefined;
}

/** What was decided at an epoch's end, and what the coordinator must be told with the answer that the epoch is done. */
export interface EpochVerdict {
  readonly facts: readonly RunFact[];
  /** Before the answer, in this order. */
  readonly events: readonly CoordinatorEvent[];
  /** Whether the epoch's end is worth a checkpoint; undefined where that is not the callbacks' business. */
  readonly isSaved?: boolean;
}

const NOTHING: EpochVerdict = { facts: [], events: [] };

/**
 * The run's callbacks: shows them each epoch's figures and does what they decide. They are asked when the epoch's validation is in,
 * or at its last step if there is none: between two steps, so it is the same for every cluster.
 */
export class EpochCallbacks {
  readonly #options: EpochCallbacksOptions;
  #state: CallbacksState;

  constructor(options: EpochCallbacksOptions) {
    this.#options = options;
    this.#state = options.state ?? startCallbacks(options.config.optimizer.learningRate);
  }

  /** What goes into a checkpoint. */
  get state(): CallbacksState {
    return this.#state;
  }

  /** By which the checkpoint of the parameters after `step` is compared with others; null when it is not known or not a number. */
  monitoredAt(step: number): MonitoredFigure | null {
    const { modelCheckpoint } = this.#options.config.callbacks;
    const { latest } = this.#state;
    const value = latest?.step === step ? latest.figures[modelCheckpoint.monitor] : null;
    if (value === null || !Number.isFinite(value)) return null;
    return { monitor: modelCheckpoint.monitor, direction: directionOf(modelCheckpoint), value };
  }

  /** @param step commits and skips so far. @param epochEnd the means of the epoch that the last of them ended, if it did. */
  stepDone(step: number, epochEnd: EpochEnd | null): EpochVerdict {
    const { stepsPerEpoch, totalSteps, validationSamples } = this.#options.plan;
    // The last step may come in the midst of an epoch.
    if (step % stepsPerEpoch !== 0 && step < totalSteps) return NOTHING;
    const epoch = Math.floor((step - 1) / stepsPerEpoch);
    const figures = {
      ...NO_FIGURES,
      epoch,
      loss: epochEnd?.loss ?? null,
      accuracy: epochEnd?.accuracy ?? null,
      mean_absolute_error: epochEnd?.meanAbsoluteError ?? null,
    };
    this.#state = { ...this.#state, latest: { step, figures } };
    return validationSamples > 0 ? NOTHING : this.#decide(step, figures);
  }

  /** The validation is in of the epoch that the last step ended. */
  validated({ step, epoch, loss, ...metric }: Evaluation): EpochVerdict {
    const { latest } = this.#state;
    const trained = latest?.step === step ? latest.figures : NO_FIGURES;
    return this.#decide(step, {
      ...trained,
      epoch,
      val_loss: loss,
      val_accuracy: metric.accuracy ?? null,
      val_mean_absolute_error: metric.meanAbsoluteError ?? null,
    });
  }

  #decide(step: number, figures: EpochFigures): EpochVerdict {
    const { config, plan, parameters } = this.#options;
    const { callbacks } = config;
    const { state, reduced, isKept, isSaved } = decideAtEpochEnd(callbacks, this.#state, step, figures);
    const { epoch } = figures;
    this.#state = state;
    const facts: RunFact[] = [];
    if (isKept) parameters.keep();
    if (reduced !== null) {
      const { monitor } = callbacks.reduceLROnPlateau!;
      facts.push({ type: 'learning-rate-reduced', step, epoch, ...reduced, monitor });
    }
    const events: CoordinatorEvent[] = [];
    const isLast = step >= plan.totalSteps;
    if (state.stopReason !== null && !isLast) {
      facts.push({ type: 'early-stopped', step, epoch, reason: state.stopReason });
      events.push({ type: 'training-ended', reason: `early stopping: ${state.stopReason}` });
    }
    if ((state.stopReason !== null || isLast) && state.kept !== null && state.kept.step !== step) {
      facts.push(this.#restore(step, state.kept));
      events.push({ type: 'parameters-replaced' });
    }
    // Without a validation an epoch's end leaves a checkpoint only where the callbacks follow what there is instead.
    const isFollowed = figures[callbacks.modelCheckpoint.monitor] !== null;
    return { facts, events, ...(plan.validationSamples > 0 || isFollowed ? { isSaved } : {}) };
  }

  /** As Keras does at the end of a training, whether it was stopped or not. */
  #restore(step: number, kept: NonNullable<CallbacksState['kept']>): RunFact {
    const { config, parameters, figures } = this.#options;
    parameters.restoreKept();
    figures.restored(kept.figures);
    // They are the figures of the parameters as they are now.
    this.#state = { ...this.#state, latest: { step, figures: kept.figures } };
    const { monitor } = config.callbacks.earlyStopping!;
    const value = kept.figures[monitor]!;
    return { type: 'best-restored', step, bestStep: kept.step, bestEpoch: kept.figures.epoch, monitor, value };
  }
}
