import * as v from 'valibot';
import { countOf } from '@convoy/protocol/event-words';
import type { CallbacksConfig } from '@convoy/protocol/callbacks-config';
import { anyNumber, wholeNumber } from '@convoy/protocol/numbers';
import { decideEarlyStopping, EARLY_STOPPING_START } from './early-stopping.ts';
import { decideModelCheckpoint } from './model-checkpoint.ts';
import type { EpochFigures } from './monitor.ts';
import { decideReduceLROnPlateau, startReduceLROnPlateau } from './reduce-lr-on-plateau.ts';

const figure = v.nullable(anyNumber);
const measured = v.nullable(
  v.strictObject({
    step: wholeNumber,
    figures: v.strictObject({
      epoch: wholeNumber,
      val_loss: figure,
      val_accuracy: figure,
      val_mean_absolute_error: v.optional(figure, null),
      loss: figure,
      accuracy: figure,
      mean_absolute_error: v.optional(figure, null),
    }),
  }),
);

/** What the callbacks have seen and decided so far: part of every checkpoint, so that a resumed run decides the same. */
export const CallbacksStateSchema = v.strictObject({
  /** The figures of the last epoch's end; those of its validation are null until they are in. */
  latest: measured,
  earlyStopping: v.strictObject({ wait: wholeNumber, best: figure, bestEpoch: v.nullable(wholeNumber) }),
  reduceLROnPlateau: v.strictObject({
    wait: wholeNumber,
    best: figure,
    cooldownCounter: wholeNumber,
    learningRate: v.number(),
  }),
  modelCheckpoint: v.strictObject({ best: figure }),
  /** Whose parameters are kept, to be put back when the training is over. */
  kept: measured,
  /** Why the training is over before its last step. */
  stopReason: v.nullable(v.string()),
});

export type CallbacksState = v.InferOutput<typeof CallbacksStateSchema>;

/** What the end of an epoch leads to. */
export interface EpochDecisions {
  readonly state: CallbacksState;
  /** The rate that the schedule starts from, before and after; null when it stays. */
  readonly reduced: { readonly from: number; readonly to: number } | null;
  /** The parameters as they are now are to be kept. */
  readonly isKept: boolean;
  /** The epoch's end is worth a checkpoint. */
  readonly isSaved: boolean;
}

/** @param learningRate what the run's schedule starts from. */
export function startCallbacks(learningRate: number): CallbacksState {
  return {
    latest: null,
    earlyStopping: EARLY_STOPPING_START,
    reduceLROnPlateau: startReduceLROnPlateau(learningRate),
    modelCheckpoint: { best: null },
    kept: null,
    stopReason: null,
  };
}

/** Shows the figures of an epoch that ended with commit number `step` to the run's callbacks. */
export function decideAtEpochEnd(
  { earlyStopping, reduceLROnPlateau, modelCheckpoint }: CallbacksConfig,
  state: CallbacksState,
  step: number,
  figures: EpochFigures,
): EpochDecisions {
  const saving = decideModelCheckpoint(modelCheckpoint, state.modelCheckpoint, figures[modelCheckpoint.monitor]);
  const plateau =
    reduceLROnPlateau === null
      ? state.reduceLROnPlateau
      : decideReduceLROnPlateau(reduceLROnPlateau, state.reduceLROnPlateau, figures[reduceLROnPlateau.monitor]);
  const stopping =
    earlyStopping === null
      ? { state: state.earlyStopping, isBest: false, isOver: false }
      : decideEarlyStopping(earlyStopping, state.earlyStopping, figures.epoch, figures[earlyStopping.monitor]);
  const [from, to] = [state.reduceLROnPlateau.learningRate, plateau.learningRate];
  const { wait, best, bestEpoch } = stopping.state;
  const latest = { step, figures };
  const isKept = stopping.isBest && earlyStopping!.restoreBestWeights;
  return {
    state: {
      latest,
      earlyStopping: stopping.state,
      reduceLROnPlateau: plateau,
      modelCheckpoint: saving.state,
      kept: isKept ? latest : state.kept,
      stopReason: stopping.isOver
        ? `${earlyStopping!.monitor} has not improved for ${countOf(wait, 'epoch')}: ` +
          `the best is ${best!.toPrecision(4)}, of epoch ${bestEpoch! + 1}`
        : null,
    },
    reduced: from === to ? null : { from, to },
    isKept,
    isSaved: saving.isSaved,
  };
}
