import { AUGMENTATION_VERSION, RunConfigSchema, type RunConfig } from '@convoy/protocol/run-config';
import { CallbacksSchema } from '@convoy/protocol/callbacks-config';
import { OperatorError } from '@convoy/protocol/errors';
import * as v from 'valibot';
import { DEFAULT_OPTIMIZERS, NOT_WORTH_DECAYING } from './optimizer/optimizer.ts';
import { layered, type Settings } from './settings.ts';
import { unknownName, wrongSetting } from './wrong-setting.ts';

/** A recipe's settings: everything but the data set and what the caller overrides. */
export type Recipe = Omit<
  RunConfig,
  'recipe' | 'dataset' | 'seed' | 'deterministic' | 'microBatchSize' | 'gradientFormat'
>;

export const DEFAULT_SEED = 42;
export const DEFAULT_RECIPE = 'lesson';
/** Larger micro-batches gain nothing on a core; smaller ones let more workers take part. */
const MAX_DEFAULT_MICRO_BATCH = 64;

const lesson: Recipe = {
  model: 'lesson-cnn',
  epochs: 30,
  maxSteps: null,
  globalBatchSize: 64,
  evaluationBatchSize: 250,
  validationSplit: 0.15,
  shuffle: true,
  dropout: true,
  augmentation: null,
  labelSmoothing: 0,
  optimizer: DEFAULT_OPTIMIZERS.adam,
  schedule: { name: 'constant', per: 'step', warmup: 0 },
  callbacks: v.parse(CallbacksSchema, {}),
};

/**
 * After Page, "How to train your ResNet" (2018): rate and decay are his for batch 512, scaled to 256; his decay is part of the
 * gradient, where momentum makes ten times as much of it.
 */
const strong: Recipe = {
  ...lesson,
  model: 'resnet',
  epochs: 16,
  globalBatchSize: 256,
  validationSplit: 0.02,
  augmentation: { version: AUGMENTATION_VERSION, crop: 4, flip: true, cutout: 0, mixup: 0 },
  labelSmoothing: 0.1,
  optimizer: {
    ...DEFAULT_OPTIMIZERS.sgd,
    learningRate: 0.2,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 5e-3,
    excludeFromWeightDecay: NOT_WORTH_DECAYING,
  },
  schedule: { name: 'cosine', per: 'step', warmup: 300, decaySteps: null, alpha: 0 },
};

const RECIPES = {
  lesson: { about: "the lesson's training: batch 64, 30 epochs, Adam at 0.001, no augmentation", settings: lesson },
  quick: {
    about: 'a first look in minutes: batch 100, 1 epoch',
    // Divides the lesson's 42,500 samples: a last batch of four would end the only epoch with a step of almost pure noise.
    settings: { ...lesson, globalBatchSize: 100, epochs: 1 },
  },
  strong: {
    about: 'a residual network: batch 256, 16 epochs, SGD with Nesterov momentum, crop and flip',
    settings: strong,
  },
  smoke: {
    about: 'seconds, to see that everything is in place: batch 64, 20 steps',
    settings: { ...lesson, epochs: 1, maxSteps: 20 },
  },
} satisfies Readonly<Record<string, NamedRecipe>>;

export type RecipeName = keyof typeof RECIPES;

interface NamedRecipe {
  readonly about: string;
  readonly settings: Recipe;
}

/** Named starting points, chosen with `--recipe`. */
export const recipes: Readonly<Record<string, NamedRecipe>> = RECIPES;

/** Settings over those of the layers below. */
export interface Layer {
  /** The settings, or what gives them from the configuration below. */
  readonly settings: Settings | ((below: RunConfig) => Settings);
  /** Where they are written. They are then checked by themselves, and a message begins with it. */
  readonly from?: string;
}

/** A run's configuration, and the settings that it comes from, layer by layer. */
export interface Resolution {
  readonly config: RunConfig;
  readonly layers: readonly Settings[];
}

/**
 * The run's configuration: the recipe's settings under the layers', each over the one before it.
 * @throws OperatorError naming the setting, the value and what it must be.
 */
export function resolveConfig(...layers: readonly Settings[]): RunConfig {
  return resolveLayers(layers.map((settings) => ({ settings }))).config;
}

/**
 * As {@link resolveConfig}, for layers that depend on those below or are written somewhere.
 * @param recipe the recipe under all of them; that of the last layer that names one when absent.
 * @throws OperatorError as {@link resolveConfig}, or what a layer throws.
 */
export function resolveLayers(layers: readonly Layer[], recipe?: string): Resolution {
  const naming = layers.findLast(({ settings }) => 'recipe' in settings && settings.recipe !== undefined);
  const name = recipe ?? (naming?.settings as Settings | undefined)?.recipe ?? DEFAULT_RECIPE;
  const isNamedThere = recipe === undefined ? naming?.from : undefined;
  let whole: object = {
    seed: DEFAULT_SEED,
    deterministic: false,
    gradientFormat: 'float32',
    dataset: { name: 'cifar10' },
    ...blaming(isNamedThere, () => recipeCalled(name)).settings,
  };
  const given: Settings[] = [];
  for (const { settings, from } of layers) {
    const layer = typeof settings === 'function' ? settings(whole as RunConfig) : settings;
    whole = { ...layered(whole, layer), recipe: name };
    given.push(layer);
    if (from !== undefined) blaming(from, () => checkConfig(withMicroBatch(whole)));
  }
  return { config: checkConfig(withMicroBatch({ ...whole, recipe: name })), layers: given };
}

function recipeCalled(name: string): (typeof recipes)[string] {
  const recipe = Object.hasOwn(recipes, name) ? recipes[name] : undefined;
  if (recipe === undefined) throw new OperatorError(unknownName('recipe', name, Object.keys(recipes)));
  return recipe;
}

/** Begins the message of an operator's mistake with where it is written. */
function blaming<Value>(from: string | undefined, check: () => Value): Value {
  try {
    return check();
  } catch (error) {
    if (from === undefined || !(error instanceof OperatorError)) throw error;
    throw new OperatorError(`${from}: ${error.message}`, { exitCode: error.exitCode, cause: error });
  }
}

function withMicroBatch(settings: object): object {
  return { microBatchSize: defaultMicroBatch((settings as RunConfig).globalBatchSize), ...settings };
}

/**
 * Validates a configuration from anywhere: options, a file, a peer.
 * @throws OperatorError naming the first field that is wrong.
 */
export function checkConfig(config: unknown): RunConfig {
  const checked = v.safeParse(RunConfigSchema, config, { abortEarly: true });
  if (!checked.success) {
    throw new OperatorError(wrongSetting(checked.issues[0]), { cause: checked.issues });
  }
  const { globalBatchSize, microBatchSize, epochs, maxSteps } = checked.output;
  if (epochs === null && maxSteps === null)
    throw new OperatorError('give epochs or maxSteps: without either a run has no end');
  if (globalBatchSize % microBatchSize !== 0) {
    throw new OperatorError(
      `globalBatchSize (${globalBatchSize}) must be a multiple of microBatchSize (${microBatchSize})`,
    );
  }
  const { model, dataset } = checked.output;
  if ((model === 'workload') !== (dataset.name === 'workload')) {
    throw new OperatorError('model "workload" and dataset "workload" go together: --workload sets both');
  }
  for (const pattern of checked.output.optimizer.excludeFromWeightDecay) {
    try {
      new RegExp(pattern);
    } catch (cause) {
      throw new OperatorError(`optimizer.excludeFromWeightDecay: "${pattern}" is no regular expression`, { cause });
    }
  }
  checkCallbacks(checked.output);
  return checked.output;
}

/** @throws OperatorError for a callback that would never decide anything, or not what it says. */
function checkCallbacks({ callbacks, validationSplit, schedule }: RunConfig): void {
  const { earlyStopping, reduceLROnPlateau, modelCheckpoint } = callbacks;
  const following = {
    earlyStopping,
    reduceLROnPlateau,
    modelCheckpoint: modelCheckpoint.saveBestOnly && modelCheckpoint,
  };
  for (const [name, callback] of Object.entries(following)) {
    if (!callback || validationSplit > 0 || !callback.monitor.startsWith('val_')) continue;
    const figure = callback.monitor.slice('val_'.length);
    throw new OperatorError(
      `${name} monitors ${callback.monitor}, and without a validation split there is none: monitor ${figure}, or hold samples out`,
    );
  }
  if (reduceLROnPlateau !== null && schedule.name === 'table') {
    throw new OperatorError('a table of rates leaves reduceLROnPlateau nothing to reduce: choose one of them');
  }
}

/** The greatest divisor of the global batch that leaves at least two micro-batches of at most {@link MAX_DEFAULT_MICRO_BATCH}. */
function defaultMicroBatch(globalBatchSize: number): number {
  const atMost = Math.max(1, Math.min(MAX_DEFAULT_MICRO_BATCH, Math.floor(globalBatchSize / 2)));
  for (let size = atMost; size > 1; size--) if (globalBatchSize % size === 0) return size;
  return 1;
}
