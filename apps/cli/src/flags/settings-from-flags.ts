import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import { layered, type Settings } from '@convoy/training/settings';
import { longOf, type Flag, type FlagValues } from './flag.ts';
import { settingFlags } from './settings.ts';

type SettingValues = FlagValues<typeof settingFlags>;
type Fields = Record<string, unknown>;

const flags: readonly (readonly [keyof SettingValues, Flag])[] = Object.entries(settingFlags) as never;

/**
 * The settings that flags ask for.
 * @param below the configuration without them.
 * @throws OperatorError in the flags' own words.
 */
export function settingsFromFlags(values: SettingValues, below: RunConfig): Settings {
  const settings: Fields = {};
  const merged = () => layered(below, settings) as unknown as RunConfig;
  for (const [name, flag] of flags) {
    const value = values[name];
    const { setting } = flag;
    if (value === undefined || setting === undefined) continue;
    demandNeeds(name, flag, values, below);
    if (typeof setting === 'function') {
      merge(settings, setting(value as never, merged()));
      continue;
    }
    // A value that may be left out and is: only the object that it would be in.
    const placed = value === true && flag.takes !== undefined ? undefined : value;
    for (const path of [setting].flat()) place(settings, path.split('.'), placed, below as unknown as Fields);
  }
  checkTogether(values, below, merged());
  return settings;
}

/** The flags that set each setting, by the setting's path. */
export function flagsBySetting(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [name, { setting, negation }] of flags) {
    if (setting === undefined || typeof setting === 'function') continue;
    const long = longOf(name, negation === 'listed' ? 'no-' : '');
    for (const path of [setting].flat().map((each) => each.replaceAll('?', ''))) {
      found.set(path, [...(found.get(path) ?? []), long]);
    }
  }
  return found;
}

/** Fields over those that are there, and those of objects one by one. */
function merge(target: Fields, over: object): void {
  for (const [name, fields] of Object.entries(over)) target[name] = { ...(target[name] as object), ...fields };
}

function place(target: Fields, [first, ...rest]: readonly string[], value: unknown, below: Fields | undefined): void {
  const name = first!.replace('?', '');
  if (rest.length === 0) {
    target[name] = value;
    return;
  }
  const under = below?.[name] as Fields | null | undefined;
  const isThere = target[name] != null || under != null;
  if (first!.endsWith('?') && !isThere) return;
  place((target[name] ??= {}) as Fields, rest, value, under ?? undefined);
}

function demandNeeds(name: string, { needs = [] }: Flag, values: SettingValues, below: RunConfig): void {
  const isThere = (needed: string) => (values as Fields)[needed] !== undefined || hasObjectOf(needed, below);
  if (needs.length === 0 || needs.some(isThere)) return;
  const long = needs.map((needed) => longOf(needed)).join(' or ');
  throw new OperatorError(
    `${longOf(name)} is for ${long}: add ${needs.length > 1 ? 'one of them' : 'that'}, or leave it out`,
  );
}

/** Whether the configuration has the object that a flag's setting is a field of. */
function hasObjectOf(name: string, below: RunConfig): boolean {
  const path = String(flags.find(([each]) => each === name)?.[1].setting)
    .split('.')
    .slice(0, -1);
  return path.reduce<unknown>((at, key) => (at as Fields | null)?.[key], below) != null;
}

/** @throws OperatorError naming the flags that do not fit together, or not what is below. */
function checkTogether(values: SettingValues, below: RunConfig, merged: RunConfig): void {
  const { batchSize, microBatch, nesterov } = values;
  if (batchSize !== undefined && microBatch !== undefined && batchSize % microBatch !== 0) {
    throw new OperatorError(`--batch-size (${batchSize}) must be a multiple of --micro-batch (${microBatch})`);
  }
  const { optimizer } = merged;
  if (nesterov && 'momentum' in optimizer && optimizer.momentum === 0) {
    throw new OperatorError('--nesterov needs a --momentum above 0, like 0.9');
  }
  checkSchedule(values, below, merged);
  checkMonitor(values);
}

function checkSchedule(
  { warmup, decaySteps, decayRate }: SettingValues,
  below: RunConfig,
  { schedule: { name }, maxSteps }: RunConfig,
): void {
  const length = maxSteps ?? Infinity;
  if (warmup !== undefined && warmup >= length) {
    throw new OperatorError(`--warmup (${warmup}) must be below --steps (${length})`);
  }
  if (name === 'table' && (warmup ?? decaySteps ?? decayRate) !== undefined) {
    throw new OperatorError(
      'a table of rates has no --warmup, --decay-steps or --decay-rate: choose another --schedule',
    );
  }
  if (decaySteps !== undefined && name === 'constant') {
    throw new OperatorError('--decay-steps is for --schedule step, exponential or cosine');
  }
  if (decayRate !== undefined && name !== 'step' && name !== 'exponential') {
    throw new OperatorError('--decay-rate is for --schedule step or exponential');
  }
  if (name !== 'step' && decaySteps !== undefined && decaySteps.length > 1) {
    throw new OperatorError(`--schedule ${name} takes one number of --decay-steps, not ${decaySteps.length}`);
  }
  if (decaySteps === undefined && name !== below.schedule.name && (name === 'step' || name === 'exponential')) {
    throw new OperatorError(`--schedule ${name} needs --decay-steps, like ${name === 'step' ? '400,600' : '1000'}`);
  }
}

function checkMonitor(values: SettingValues): void {
  const { earlyStopping, reduceLrOnPlateau, saveBestOnly, monitor = 'val_loss', validationSplit } = values;
  if (validationSplit !== 0 || !monitor.startsWith('val_')) return;
  if ((earlyStopping ?? reduceLrOnPlateau ?? saveBestOnly) === undefined) return;
  throw new OperatorError(
    `with --validation-split 0 there is no ${monitor} to go by: add --monitor loss, or hold samples out`,
  );
}
