import type { CallbacksOptions } from '@convoy/protocol/callbacks-config';
import {
  AUGMENTATION_VERSION,
  type Augmentation,
  type DatasetConfig,
  type OptimizerConfig,
  type RunConfig,
  type ScheduleConfig,
} from '@convoy/protocol/run-config';
import { DEFAULT_OPTIMIZERS } from './optimizer/optimizer.ts';

/**
 * Some of a run's settings, as a configuration file, a program or a command line gives them. What is left out, or
 * undefined, comes from the layer below, at last from the recipe.
 */
export type Settings = Some<Omit<RunConfig, 'optimizer' | 'schedule' | 'dataset' | 'callbacks' | 'augmentation'>> & {
  /** Names the JSON schema, for editors. */
  readonly $schema?: string | undefined;
  /** A run's configuration says here which code of its workload was served to workers. Nothing is decided by it. */
  readonly $workloadSha256?: string | undefined;
  readonly optimizer?: SomeOfEach<OptimizerConfig> | undefined;
  readonly schedule?: SomeOfEach<ScheduleConfig> | undefined;
  readonly dataset?: SomeOfEach<DatasetConfig> | undefined;
  readonly callbacks?: CallbacksOptions | undefined;
  readonly augmentation?: Some<Augmentation> | null | undefined;
};

type Some<Whole> = { readonly [Name in keyof Whole]?: Whole[Name] | undefined };
type SomeOfEach<Union> = Union extends unknown ? Some<Union> : never;
/** Before {@link checkConfig} has seen it: a file may hold anything. */
type Unchecked = Readonly<Record<string, unknown>>;
type Defaults = Readonly<Record<string, object>>;

/** Settings that are objects of their own: a layer may give some of their fields. */
type Nested = 'optimizer' | 'schedule';

/** What a schedule has where nothing else is said; what is missing here must be given. */
const DEFAULT_SCHEDULES: Readonly<Record<ScheduleConfig['name'], object>> = {
  constant: { name: 'constant' },
  step: { name: 'step', decayRate: 0.1 },
  exponential: { name: 'exponential', decayRate: 0.1, staircase: false },
  cosine: { name: 'cosine', decaySteps: null, alpha: 0 },
  table: { name: 'table' },
};

const NO_AUGMENTATION: Augmentation = { version: AUGMENTATION_VERSION, crop: 0, flip: false, cutout: 0, mixup: 0 };

/** What a workload's data sets have where nothing else is said, by their names. */
export type DatasetKinds = Readonly<Record<string, DatasetKind>>;

export interface DatasetKind {
  readonly defaults: object;
  /** Fields that follow from those that a layer gives. */
  readonly implied?: (given: Readonly<Record<string, unknown>>) => object;
}

/**
 * One layer of settings over another. Fields of the optimizer, the schedule and the data set are replaced one by one, unless
 * the upper layer names another optimizer, schedule or data set: that one then has its own defaults and nothing of the
 * one below. So are those of the augmentation and of each callback, unless the upper layer has null for it: there is none
 * then. Epochs or steps alone replace whatever was said about the run's length.
 * @returns settings that nobody has checked.
 */
export function layered(below: object, above: object, datasets: DatasetKinds = {}): Unchecked {
  const base = below as Unchecked;
  const { $schema: _, $workloadSha256: __, ...given } = presentOf(above);
  const over = (name: Nested, defaults: Defaults): Unchecked =>
    given[name] === undefined ? {} : { [name]: nested(base[name], given[name], defaults) };
  const result: Record<string, unknown> = {
    ...base,
    ...given,
    ...over('optimizer', DEFAULT_OPTIMIZERS),
    ...over('schedule', DEFAULT_SCHEDULES),
  };
  if (given['callbacks'] !== undefined) result['callbacks'] = callbacksOver(base['callbacks'], given['callbacks']);
  if (given['augmentation'] !== undefined) {
    result['augmentation'] = augmentationOver(base['augmentation'], given['augmentation']);
  }
  if (given['dataset'] !== undefined) result['dataset'] = datasetOver(base['dataset'], given['dataset'], datasets);
  if (given['maxSteps'] != null && given['epochs'] === undefined) result['epochs'] = null;
  if (given['epochs'] != null && given['maxSteps'] === undefined) result['maxSteps'] = null;
  return result;
}

function nested(below: unknown, above: unknown, defaults: Defaults): unknown {
  if (!isObject(above)) return above;
  const base = isObject(below) ? below : {};
  const name = above['name'] ?? base['name'];
  const start = name === base['name'] ? base : Object.hasOwn(defaults, String(name)) ? defaults[String(name)] : {};
  return { ...start, ...presentOf(above) };
}

function datasetOver(below: unknown, above: unknown, kinds: DatasetKinds): unknown {
  const defaults = Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, kind.defaults]));
  const whole = nested(below, above, defaults);
  if (!isObject(whole) || !isObject(above)) return whole;
  const name = String(whole['name']);
  const implied = Object.hasOwn(kinds, name) ? kinds[name]!.implied?.(presentOf(above)) : {};
  return { ...whole, ...implied };
}

function callbacksOver(below: unknown, above: unknown): unknown {
  if (!isObject(above)) return above;
  const base = isObject(below) ? below : {};
  const callbacks = Object.entries(presentOf(above)).map(([name, callback]) => [
    name,
    fieldsOver(base[name], callback),
  ]);
  return { ...base, ...(Object.fromEntries(callbacks) as object) };
}

/** One that does nothing is none: a run with it has the same result, and the same name for it. */
function augmentationOver(below: unknown, above: unknown): unknown {
  const whole = fieldsOver(below ?? NO_AUGMENTATION, above);
  const isNone = isObject(whole) && Object.entries(NO_AUGMENTATION).every(([name, value]) => whole[name] === value);
  return isNone && Object.keys(whole).length === Object.keys(NO_AUGMENTATION).length ? null : whole;
}

function fieldsOver(below: unknown, above: unknown): unknown {
  if (!isObject(above)) return above;
  return { ...(isObject(below) ? below : {}), ...presentOf(above) };
}

/** The fields that have a value. */
function presentOf(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function isObject(value: unknown): value is Unchecked {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
