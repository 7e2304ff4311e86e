import * as v from 'valibot';

const epochs = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 31));
const amount = v.pipe(v.number(), v.minValue(0), v.maxValue(1e12));

/** Figures of an epoch, with Keras's names: of the validation at its end, or means over its samples as they were trained on. */
export const MONITORS = ['val_loss', 'val_accuracy', 'loss', 'accuracy'] as const;
export type Monitor = (typeof MONITORS)[number];

/** The figure that decides, and whether less or more of it is better; auto is less of a loss and more of an accuracy. */
const monitored = {
  monitor: v.optional(v.picklist(MONITORS), 'val_loss'),
  mode: v.optional(v.picklist(['auto', 'min', 'max']), 'auto'),
};

const EarlyStoppingSchema = v.strictObject({
  ...monitored,
  /** What is better by no more than this is not better. */
  minDelta: v.optional(amount, 0),
  /** The run ends after this many epochs in a row that were not better. */
  patience: v.optional(epochs, 0),
  /** What a figure must be better than besides, or the epochs count on. */
  baseline: v.optional(v.nullable(v.pipe(v.number(), v.finite())), null),
  /** The run ends with the parameters of its best epoch, also when it goes to its last. */
  restoreBestWeights: v.optional(v.boolean(), false),
  /** Epochs before this one, from 0, decide nothing. */
  startFromEpoch: v.optional(epochs, 0),
});

const ReduceLROnPlateauSchema = v.strictObject({
  ...monitored,
  /** What the rate is multiplied by. */
  factor: v.optional(v.pipe(v.number(), v.gtValue(0), v.ltValue(1)), 0.1),
  patience: v.optional(epochs, 10),
  minDelta: v.optional(amount, 1e-4),
  /** Epochs after a reduction in which nothing is counted. */
  cooldown: v.optional(epochs, 0),
  minLR: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1e3)), 0),
});

const ModelCheckpointSchema = v.strictObject({
  ...monitored,
  monitor: v.optional(v.picklist(MONITORS), 'val_accuracy'),
  /** An epoch that is not the best so far leaves no checkpoint of its own. */
  saveBestOnly: v.optional(v.boolean(), false),
});

/**
 * What is decided at the end of an epoch, with the names, the meanings and (but for the checkpoints' monitor, which is the validation
 * accuracy) the defaults of Keras's callbacks.
 */
export const CallbacksSchema = v.strictObject({
  earlyStopping: v.optional(v.nullable(EarlyStoppingSchema), null),
  reduceLROnPlateau: v.optional(v.nullable(ReduceLROnPlateauSchema), null),
  /** Which checkpoint is the best, that is kept beside the newest. */
  modelCheckpoint: v.optional(ModelCheckpointSchema, {}),
});

export type CallbacksConfig = v.InferOutput<typeof CallbacksSchema>;
/** What callers may give: what is left out is Keras's default. */
export type CallbacksOptions = v.InferInput<typeof CallbacksSchema>;
export type EarlyStoppingConfig = v.InferOutput<typeof EarlyStoppingSchema>;
export type ReduceLROnPlateauConfig = v.InferOutput<typeof ReduceLROnPlateauSchema>;
export type ModelCheckpointConfig = v.InferOutput<typeof ModelCheckpointSchema>;
