import * as v from 'valibot';

const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 31));
const wholeNumber = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

export const MODEL_NAMES = ['lesson-cnn', 'lesson-bn', 'resnet'] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

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
  /** Seeds the order of the samples, the initial parameters and dropout. */
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
  optimizer: v.strictObject({
    name: v.literal('adam'),
    learningRate: v.pipe(v.number(), v.minValue(0), v.maxValue(1e3)),
    beta1: v.pipe(v.number(), v.minValue(0), v.maxValue(0.999999999)),
    beta2: v.pipe(v.number(), v.minValue(0), v.maxValue(0.999999999)),
    epsilon: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  }),
  /** Every worker must compute the same bits: one thread per engine, equal numerics fingerprints. */
  deterministic: v.boolean(),
});

export type RunConfig = v.InferOutput<typeof RunConfigSchema>;
export type DatasetConfig = RunConfig['dataset'];
