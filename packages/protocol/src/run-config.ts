import * as v from 'valibot';
import { CallbacksSchema } from './callbacks-config.ts';
import { count, wholeBetween, wholeNumber } from './numbers.ts';

/** What a field means, once: for readers here, in an editor (docs/convoy.schema.json) and in the documentation. */
const about = v.description;

const rate = v.pipe(v.number(), v.minValue(0), v.maxValue(1e3));
const decay = v.pipe(v.number(), v.minValue(0), v.maxValue(0.999999999));
const epsilon = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** A schedule given as a table has so many rates at most. */
export const MAX_RATES = 10_000;

/** What every optimizer has, with Keras's names and meanings. */
const everyOptimizer = {
  learningRate: v.pipe(rate, about('What a schedule starts from.')),
  weightDecay: v.optional(
    v.pipe(rate, about('Before each update the parameters lose this part, times the learning rate.')),
    0,
  ),
  excludeFromWeightDecay: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.maxLength(100))),
      v.maxLength(20),
      about('Regular expressions: tensors whose name one of them matches are not decayed.'),
    ),
    [],
  ),
  clipNorm: v.optional(
    v.pipe(
      v.nullable(v.pipe(v.number(), v.gtValue(0), v.maxValue(1e12))),
      about(
        "The whole gradient is scaled down to this norm when it is longer (Keras's global_clipnorm); null for never.",
      ),
    ),
    null,
  ),
};
const moments = {
  beta1: v.pipe(decay, about("Share of the gradients' mean that is kept at each update.")),
  beta2: v.pipe(decay, about("Share of the squared gradients' mean that is kept at each update.")),
  epsilon: v.pipe(epsilon, about('Keeps the division by the root of a small mean in bounds.')),
};

const OptimizerSchema = v.variant('name', [
  v.strictObject({ name: v.literal('adam'), ...everyOptimizer, ...moments }),
  v.strictObject({ name: v.literal('adamw'), ...everyOptimizer, ...moments }),
  v.strictObject({
    name: v.literal('lion'),
    ...everyOptimizer,
    beta1: v.pipe(decay, about("Share of the gradients' mean in the direction of an update.")),
    beta2: moments.beta1,
  }),
  v.strictObject({
    name: v.literal('rmsprop'),
    ...everyOptimizer,
    rho: v.pipe(decay, about("Share of the squared gradients' mean that is kept at each update.")),
    momentum: v.pipe(decay, about('Share of the last movement that is made again.')),
    epsilon: moments.epsilon,
    centered: v.pipe(
      v.boolean(),
      about("Divides by the gradients' estimated deviation, not by their root mean square."),
    ),
  }),
  v.strictObject({
    name: v.literal('sgd'),
    ...everyOptimizer,
    momentum: v.pipe(decay, about('Share of the last movement that is made again.')),
    nesterov: v.pipe(v.boolean(), about("Nesterov's momentum.")),
  }),
]);

const decayRate = v.pipe(
  v.number(),
  v.gtValue(0),
  v.maxValue(1),
  about('What a decay multiplies the learning rate by.'),
);

const everySchedule = {
  per: v.optional(
    v.pipe(
      v.picklist(['step', 'epoch']),
      about("What the schedule counts: steps, or complete epochs as Keras's LearningRateScheduler does."),
    ),
    'step',
  ),
  warmup: v.optional(
    v.pipe(
      wholeNumber,
      about('Steps or epochs in which the rate first rises, evenly, from 0. The schedule begins after them.'),
    ),
    0,
  ),
};

const ScheduleSchema = v.variant('name', [
  v.strictObject({ name: v.literal('constant'), ...everySchedule }),
  v.strictObject({
    name: v.literal('step'),
    ...everySchedule,
    boundaries: v.pipe(
      v.array(wholeNumber),
      v.minLength(1),
      v.maxLength(64),
      about('The rate is multiplied by `decayRate` after each of them.'),
    ),
    decayRate,
  }),
  v.strictObject({
    name: v.literal('exponential'),
    ...everySchedule,
    decaySteps: v.pipe(count, about('Steps or epochs of one decay.')),
    decayRate,
    staircase: v.pipe(v.boolean(), about('Decays at the end of each period, not evenly over it.')),
  }),
  v.strictObject({
    name: v.literal('cosine'),
    ...everySchedule,
    decaySteps: v.pipe(
      v.nullable(count),
      about('Steps or epochs of the descent; null takes what is left of the run after the warm-up.'),
    ),
    alpha: v.pipe(v.number(), v.minValue(0), v.maxValue(1), about('The part of the rate that is left at the end.')),
  }),
  v.strictObject({
    name: v.literal('table'),
    per: everySchedule.per,
    warmup: v.optional(v.literal(0), 0),
    rates: v.pipe(
      v.array(rate),
      v.minLength(1),
      v.maxLength(MAX_RATES),
      about('The rates themselves, one per step or epoch: what any function of them comes to. The last one stays.'),
    ),
  }),
]);

export const GRADIENT_FORMATS = ['float32', 'bfloat16'] as const;
export type GradientFormat = (typeof GRADIENT_FORMATS)[number];

/** Names how images are augmented; a change gives runs that augment another result. Part of such a run's identity. */
export const AUGMENTATION_VERSION = 'crop-flip-cutout-mixup/1';

const AugmentationSchema = v.strictObject({
  version: v.pipe(v.literal(AUGMENTATION_VERSION), about('How images are augmented, by name.')),
  crop: v.pipe(
    wholeBetween(0, 16),
    about('Crops of images that were continued by this many pixels at each side; 0 for none.'),
  ),
  flip: v.pipe(v.boolean(), about('Half of the images mirrored, left to right.')),
  cutout: v.pipe(wholeBetween(0, 64), about('A grey square of this many pixels along its side; 0 for none.')),
  mixup: v.pipe(
    v.number(),
    v.minValue(0),
    v.maxValue(8),
    about('Pairs of images mixed with weights from Beta(mixup, mixup); 0 for none.'),
  ),
});

export type Augmentation = v.InferOutput<typeof AugmentationSchema>;

/**
 * Everything that decides a run's result, resolved: two runs with equal configurations (and equal data and numerics) end
 * with equal parameters. What belongs to the cluster (number of workers, addresses, folders) is deliberately absent.
 * Travels in `welcome`; kept as the run's config.json.
 */
export const RunConfigSchema = v.strictObject({
  recipe: v.pipe(v.string(), v.maxLength(64), about('The recipe that the settings start from.')),
  // Its content is compared by hash in `ready`.
  model: v.pipe(
    v.string(),
    v.maxLength(64),
    about('The architecture; "workload" for that of the file which --workload names.'),
  ),
  dataset: v.pipe(
    v.variant('name', [
      v.strictObject({ name: v.literal('cifar10') }),
      v.strictObject({
        name: v.literal('synthetic'),
        seed: v.pipe(wholeNumber, about('Seeds the images.')),
        trainCount: v.pipe(count, about('Training images, those for validation included.')),
        testCount: v.pipe(count, about('Test images.')),
      }),
      v.strictObject({
        name: v.literal('workload'),
        workload: v.pipe(v.string(), v.maxLength(64), about("The workload's name; its file is given with --workload.")),
      }),
    ]),
    about('What to train on.'),
  ),
  seed: v.pipe(wholeNumber, about('Seeds the order of the samples, the initial parameters, dropout and augmentation.')),
  epochs: v.pipe(v.nullable(count), about('Passes over the training samples; null means as many as `maxSteps` takes.')),
  maxSteps: v.pipe(v.nullable(count), about('Stop after this many steps even if epochs remain; null for all of them.')),
  globalBatchSize: v.pipe(count, about('Samples per optimizer step, whatever the number of workers.')),
  microBatchSize: v.pipe(
    count,
    about('Samples per gradient computation: the smallest piece that is leased; divides globalBatchSize.'),
  ),
  evaluationBatchSize: v.pipe(count, about('Samples per piece of an evaluation.')),
  validationSplit: v.pipe(
    v.number(),
    v.minValue(0),
    v.maxValue(0.999),
    about("The last fraction of the training split is held out, as Keras's validation_split does."),
  ),
  shuffle: v.pipe(
    v.boolean(),
    about('Every epoch takes the samples in an order of its own; else in that of the files.'),
  ),
  dropout: v.pipe(v.boolean(), about("Train with the model's dropout.")),
  // Null in runs that were begun before there was a choice.
  augmentation: v.optional(
    v.pipe(v.nullable(AugmentationSchema), about('What is done to training images; null for nothing.')),
    null,
  ),
  labelSmoothing: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.maxValue(0.999),
      about('The share of the expected probability that all classes divide among them in training, as in Keras.'),
    ),
    0,
  ),
  optimizer: v.pipe(
    OptimizerSchema,
    about("How the parameters move: Keras's optimizers with their names and meanings."),
  ),
  schedule: v.pipe(
    v.optional(ScheduleSchema, { name: 'constant' }),
    about('What becomes of the learning rate over the run.'),
  ),
  // The statistics behind the slopes are float32 in either. Runs from before there was a choice don't name it.
  gradientFormat: v.optional(
    v.pipe(
      v.picklist(GRADIENT_FORMATS),
      about("What a gradient's slopes are, as a micro-batch's, as every sum of the tree, and on the wire."),
    ),
    'float32',
  ),
  callbacks: v.pipe(
    v.optional(CallbacksSchema, {}),
    about("What is decided at the end of an epoch: Keras's callbacks with their names, meanings and defaults."),
  ),
  deterministic: v.pipe(
    v.boolean(),
    about('Every worker must compute the same bits: one thread per engine, equal numerics fingerprints.'),
  ),
});

export type RunConfig = v.InferOutput<typeof RunConfigSchema>;
export type DatasetConfig = RunConfig['dataset'];
export type OptimizerConfig = RunConfig['optimizer'];
export type ScheduleConfig = RunConfig['schedule'];
