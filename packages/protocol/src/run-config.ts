import * as v from 'valibot';
import { CallbacksSchema } from './callbacks-config.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 31));
const rate = v.pipe(v.number(), v.minValue(0), v.maxValue(1e3));
const decay = v.pipe(v.number(), v.minValue(0), v.maxValue(0.999999999));
const epsilon = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const wholeNumber = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

export const MODEL_NAMES = ['lesson-cnn', 'lesson-bn', 'resnet'] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

/** What every optimizer has, with Keras's names and meanings. */
const everyOptimizer = {
  /** What a schedule starts from. */
  learningRate: rate,
  /** Before each update the parameters lose this part, times the learning rate. */
  weightDecay: v.optional(rate, 0),
  /** Regular expressions: tensors whose name one of them matches are not decayed. */
  excludeFromWeightDecay: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(100))), v.maxLength(20)), []),
  /** The whole gradient is scaled down to this norm when it is longer (Keras's global_clipnorm); null for never. */
  clipNorm: v.optional(v.nullable(v.pipe(v.number(), v.gtValue(0), v.maxValue(1e12))), null),
};
const moments = { beta1: decay, beta2: decay, epsilon };

const OptimizerSchema = v.variant('name', [
  v.strictObject({ name: v.literal('adam'), ...everyOptimizer, ...moments }),
  v.strictObject({ name: v.literal('adamw'), ...everyOptimizer, ...moments }),
  v.strictObject({
    name: v.literal('rmsprop'),
    ...everyOptimizer,
    rho: decay,
    momentum: decay,
    epsilon,
    centered: v.boolean(),
  }),
  v.strictObject({ name: v.literal('sgd'), ...everyOptimizer, momentum: decay, nesterov: v.boolean() }),
]);

const everySchedule = {
  /** What the schedule counts: steps, or complete epochs as Keras's LearningRateScheduler does. */
  per: v.optional(v.picklist(['step', 'epoch']), 'step'),
  /** Steps or epochs in which the rate first rises, evenly, from 0. The schedule begins after them. */
  warmup: v.optional(wholeNumber, 0),
};

const ScheduleSchema = v.variant('name', [
  v.strictObject({ name: v.literal('constant'), ...everySchedule }),
  /** The rate is multiplied by `decayRate` after each of the boundaries. */
  v.strictObject({
    name: v.literal('step'),
    ...everySchedule,
    boundaries: v.pipe(v.array(wholeNumber), v.minLength(1), v.maxLength(64)),
    decayRate: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
  }),
  v.strictObject({
    name: v.literal('exponential'),
    ...everySchedule,
    decaySteps: count,
    decayRate: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
    staircase: v.boolean(),
  }),
  v.strictObject({
    name: v.literal('cosine'),
    ...everySchedule,
    /** Null takes what is left of the run after the warm-up. */
    decaySteps: v.nullable(count),
    /** The part of the rate that is left at the end. */
    alpha: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  }),
  /** The rates themselves, one per step or epoch: what any function of them comes to. The last one stays. */
  v.strictObject({
    name: v.literal('table'),
    per: everySchedule.per,
    warmup: v.optional(v.literal(0), 0),
    rates: v.pipe(v.array(rate), v.minLength(1), v.maxLength(10_000)),
  }),
]);

export const GRADIENT_FORMATS = ['float32', 'bfloat16'] as const;
export type GradientFormat = (typeof GRADIENT_FORMATS)[number];

/** Names how images are augmented; a change gives runs that augment another result. Part of such a run's identity. */
export const AUGMENTATION_VERSION = 'crop-flip-cutout-mixup/1';

const AugmentationSchema = v.strictObject({
  version: v.literal(AUGMENTATION_VERSION),
  /** Crops of images that were continued by this many pixels at each side; 0 for none. */
  crop: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(16)),
  /** Half of the images mirrored, left to right. */
  flip: v.boolean(),
  /** A grey square of this many pixels along its side; 0 for none. */
  cutout: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(64)),
  /** Pairs of images mixed with weights from Beta(mixup, mixup); 0 for none. */
  mixup: v.pipe(v.number(), v.minValue(0), v.maxValue(8)),
});

export type Augmentation = v.InferOutput<typeof AugmentationSchema>;

/**
 * Everything that decides a run's result, resolved: two runs with equal configurations (and equal data and numerics) end
 * with equal parameters. What belongs to the cluster (number of workers, addresses, folders) is deliberately absent.
 * Travels in `welcome`; kept as the run's config.json.
 */
export const RunConfigSchema = v.strictObject({
  /** The recipe the settings started from, for display. */
  recipe: v.pipe(v.string(), v.maxLength(64)),
  /** The architecture's name; its content is compared by hash in `ready`. */
  model: v.picklist(MODEL_NAMES),
  dataset: v.variant('name', [
    v.strictObject({ name: v.literal('cifar10') }),
    v.strictObject({ name: v.literal('synthetic'), seed: wholeNumber, trainCount: count, testCount: count }),
  ]),
  /** Seeds the order of the samples, the initial parameters, dropout and augmentation. */
  seed: wholeNumber,
  /** Passes over the training samples; null means as many as `maxSteps` takes. */
  epochs: v.nullable(count),
  /** Stop after this many steps even if epochs remain. */
  maxSteps: v.nullable(count),
  /** Samples per optimizer step, whatever the number of workers. */
  globalBatchSize: count,
  /** Samples per gradient computation: the smallest piece that is leased; divides globalBatchSize. */
  microBatchSize: count,
  /** Samples per piece of an evaluation. */
  evaluationBatchSize: count,
  /** The last fraction of the training split is held out, as Keras's validation_split does. */
  validationSplit: v.pipe(v.number(), v.minValue(0), v.maxValue(0.999)),
  shuffle: v.boolean(),
  dropout: v.boolean(),
  /** What is done to training images; null for nothing, as in runs that were begun before there was a choice. */
  augmentation: v.optional(v.nullable(AugmentationSchema), null),
  /** The share of the expected probability that all classes divide among them in training, as in Keras. */
  labelSmoothing: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(0.999)), 0),
  optimizer: OptimizerSchema,
  schedule: v.optional(ScheduleSchema, { name: 'constant' }),
  /**
   * What a gradient's slopes are, as a micro-batch's, as every sum of the tree, and on the wire. The statistics behind them
   * are float32 in either. Runs from before there was a choice don't name it.
   */
  gradientFormat: v.optional(v.picklist(GRADIENT_FORMATS), 'float32'),
  callbacks: v.optional(CallbacksSchema, {}),
  /** Every worker must compute the same bits: one thread per engine, equal numerics fingerprints. */
  deterministic: v.boolean(),
});

export type RunConfig = v.InferOutput<typeof RunConfigSchema>;
export type DatasetConfig = RunConfig['dataset'];
export type OptimizerConfig = RunConfig['optimizer'];
export type ScheduleConfig = RunConfig['schedule'];
