import * as v from 'valibot';
import { wholeBetween } from './numbers.ts';

const about = v.description;

const epochs = wholeBetween(0, 2 ** 31);
const amount = v.pipe(v.number(), v.minValue(0), v.maxValue(1e12));

/** Figures of an epoch, with Keras's names: of the validation at its end, or means over its samples as they were trained on. */
export const MONITORS = [
  'val_loss',
  'val_accuracy',
  'val_mean_absolute_error',
  'loss',
  'accuracy',
  'mean_absolute_error',
] as const;
export type Monitor = (typeof MONITORS)[number];

const monitor = v.pipe(v.picklist(MONITORS), about('The figure that decides.'));
const monitored = {
  monitor: v.optional(monitor, 'val_loss'),
  mode: v.optional(
    v.pipe(
      v.picklist(['auto', 'min', 'max']),
      about('Whether less or more of it is better; auto is less of a loss or an error and more of an accuracy.'),
    ),
    'auto',
  ),
};
const minDelta = v.pipe(amount, about('What is better by no more than this is not better.'));

const EarlyStoppingSchema = v.strictObject({
  ...monitored,
  minDelta: v.optional(minDelta, 0),
  patience: v.optional(v.pipe(epochs, about('The run ends after this many epochs in a row that were not better.')), 0),
  baseline: v.optional(
    v.pipe(
      v.nullable(v.pipe(v.number(), v.finite())),
      about('What a figure must be better than besides, or the epochs count on.'),
    ),
    null,
  ),
  restoreBestWeights: v.optional(
    v.pipe(v.boolean(), about('The run ends with the parameters of its best epoch, also when it goes to its last.')),
    false,
  ),
  startFromEpoch: v.optional(v.pipe(epochs, about('Epochs before this one, from 0, decide nothing.')), 0),
});

const ReduceLROnPlateauSchema = v.strictObject({
  ...monitored,
  factor: v.optional(
    v.pipe(v.number(), v.gtValue(0), v.ltValue(1), about('What the learning rate is multiplied by.')),
    0.1,
  ),
  patience: v.optional(
    v.pipe(epochs, about('The rate falls after this many epochs in a row that were not better.')),
    10,
  ),
  minDelta: v.optional(minDelta, 1e-4),
  cooldown: v.optional(v.pipe(epochs, about('Epochs after a reduction in which nothing is counted.')), 0),
  minLR: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1e3), about('The lowest rate that is set.')), 0),
});

const ModelCheckpointSchema = v.strictObject({
  ...monitored,
  // A regression, which has none, is followed by its val_loss.
  monitor: v.optional(monitor, 'val_accuracy'),
  saveBestOnly: v.optional(
    v.pipe(v.boolean(), about('An epoch that is not the best so far leaves no checkpoint of its own.')),
    false,
  ),
});

/**
 * What is decided at the end of an epoch, with the names, the meanings and (but for the checkpoints' monitor, which is the validation
 * accuracy) the defaults of Keras's callbacks.
 */
export const CallbacksSchema = v.strictObject({
  earlyStopping: v.optional(
    v.pipe(v.nullable(EarlyStoppingSchema), about('Ends the run when it gets no better; null for never.')),
    null,
  ),
  reduceLROnPlateau: v.optional(
    v.pipe(
      v.nullable(ReduceLROnPlateauSchema),
      about('Lowers the learning rate when the run gets no better; null for never.'),
    ),
    null,
  ),
  modelCheckpoint: v.optional(
    v.pipe(ModelCheckpointSchema, about('Which checkpoint is the best, that is kept beside the newest.')),
    {},
  ),
});

export type CallbacksConfig = v.InferOutput<typeof CallbacksSchema>;
/** What callers may give: what is left out is Keras's default. */
export type CallbacksOptions = v.InferInput<typeof CallbacksSchema>;
export type EarlyStoppingConfig = v.InferOutput<typeof EarlyStoppingSchema>;
export type ReduceLROnPlateauConfig = v.InferOutput<typeof ReduceLROnPlateauSchema>;
export type ModelCheckpointConfig = v.InferOutput<typeof ModelCheckpointSchema>;
