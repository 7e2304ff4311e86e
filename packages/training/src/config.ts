import { RunConfigSchema, type RunConfig } from '@convoy/protocol/run-config';
import { CallbacksSchema } from '@convoy/protocol/callbacks-config';
import { OperatorError } from '@convoy/protocol/errors';
import * as v from 'valibot';
import { layered, type DatasetKinds, type Settings } from './settings.ts';
import { unknownName, wrongSetting } from './wrong-setting.ts';

/** A named starting point. */
export interface Recipe {
  /** What it is for, in a few words. */
  readonly about: string;
  /** Everything but what every configuration starts from. */
  readonly settings: Omit<RunConfig, 'recipe' | keyof typeof START | 'microBatchSize'> & Partial<RunConfig>;
}

/** What configurations start from: a workload has one. */
export interface Basis {
  /** By their names; the first is the default. */
  readonly recipes: Readonly<Record<string, Recipe>>;
  readonly datasets: DatasetKinds;
}

export const DEFAULT_SEED = 42;
/** What every recipe starts from: what it does not say otherwise. */
const START = {
  maxSteps: null,
  evaluationBatchSize: 250,
  shuffle: true,
  dropout: true,
  augmentation: null,
  labelSmoothing: 0,
  schedule: { name: 'constant', per: 'step', warmup: 0 },
  seed: DEFAULT_SEED,
  deterministic: false,
  gradientFormat: 'float32',
  callbacks: v.parse(CallbacksSchema, {}),
} as const satisfies Partial<RunConfig>;

/** Larger micro-batches gain nothing on a core; smaller ones let more workers take part. */
const MAX_DEFAULT_MICRO_BATCH = 64;

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
 * The run's configuration: a recipe's settings under the layers', each over the one before it.
 * @throws OperatorError naming the setting, the value and what it must be.
 */
export function resolveConfig(basis: Basis, ...layers: readonly Settings[]): RunConfig {
  return resolveLayers(
    basis,
    layers.map((settings) => ({ settings })),
  ).config;
}

/**
 * As {@link resolveConfig}, for layers that depend on those below or are written somewhere.
 * @param recipe the recipe under all of them; that of the last layer that names one when absent.
 * @throws OperatorError as {@link resolveConfig}, or what a layer throws.
 */
export function resolveLayers({ recipes, datasets }: Basis, layers: readonly Layer[], recipe?: string): Resolution {
  const naming = layers.findLast(({ settings }) => 'recipe' in settings && settings.recipe !== undefined);
  const name = recipe ?? (naming?.settings as Settings | undefined)?.recipe ?? Object.keys(recipes)[0]!;
  const isNamedThere = recipe === undefined ? naming?.from : undefined;
  let whole: object = {
    ...START,
    ...blaming(isNamedThere, () => namedIn(recipes, 'recipe', name)).settings,
  };
  const given: Settings[] = [];
  for (const { settings, from } of layers) {
    const layer = typeof settings === 'function' ? settings(whole as RunConfig) : settings;
    whole = { ...layered(whole, layer, datasets), recipe: name };
    given.push(layer);
    if (from !== undefined) blaming(from, () => checkConfig(withMicroBatch(whole)));
  }
  return { config: checkConfig(withMicroBatch({ ...whole, recipe: name })), layers: given };
}

/** What has the name. @throws OperatorError saying what there is. */
export function namedIn<Value>(table: Readonly<Record<string, Value>>, kind: string, name: string): Value {
  if (Object.hasOwn(table, name)) return table[name]!;
  // A file or a program may give anything.
  const given: unknown = name;
  const text = typeof given === 'string' ? given : JSON.stringify(given);
  throw new OperatorError(unknownName(kind, text, Object.keys(table)));
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
