import { nearestName, readableType } from '@convoy/protocol/wrong-value';
import * as v from 'valibot';
import { LAYERS, LAYER_TYPES, type Layer, type LayerType } from './layers.ts';

/**
 * Checks layers that somebody wrote down and completes them: an option that is missing gets its default, a name the one that
 * Keras gives, `conv2d` and then `conv2d_1`. What is given stays as it is, in its order: a model's hash is of that.
 * @throws RangeError in one line that names the layer and what is wrong with it.
 */
export function checkLayers(given: unknown): readonly Layer[] {
  if (!Array.isArray(given)) throw new RangeError('the layers must be a list');
  const taken = new Set(given.map((layer) => (isObject(layer) ? layer['name'] : undefined)));
  return given.map((layer: unknown, index) => checkLayer(layer, index, (type) => freeName(type, taken)));
}

const NameSchema = v.pipe(
  v.string(),
  // A name is printed, and stands in files that have a line for each.
  v.check(
    (name) => name.length > 0 && name.length <= 200 && !/[\u0000-\u001f\u007f]/.test(name),
    'a text of 1 to 200 characters',
  ),
);

function checkLayer(given: unknown, index: number, nameFor: (type: LayerType) => string): Layer {
  if (!isObject(given)) {
    throw new RangeError(
      `layer ${index + 1} must be an object such as { type: 'dense', units: 10 }, not ${shown(given)}`,
    );
  }
  const { type, name } = given;
  const where = v.is(NameSchema, name) ? name : `layer ${index + 1}`;
  if (!isLayerType(type)) throw new RangeError(`${where} ${wrongType(type)}`);
  const { options } = LAYERS[type];
  const schema = v.strictObject({ type: v.literal(type), name: v.optional(NameSchema), ...options });
  const checked = v.safeParse(schema, given);
  if (!checked.success) {
    // An option that is not there may be the misspelt form of one that is missing.
    const issue = checked.issues.find(({ expected }) => expected === 'never') ?? checked.issues[0];
    throw new RangeError(`${where} (${type})${wrongOption(issue, Object.keys(options))}`);
  }
  const complete: Record<string, unknown> = { ...given };
  for (const [option, value] of Object.entries(checked.output)) complete[option] ??= value;
  complete['name'] ??= nameFor(type);
  return complete as unknown as Layer;
}

function wrongType(type: unknown): string {
  const types = `: there are ${LAYER_TYPES.join(', ')}`;
  if (type === undefined) return `has no type${types}`;
  if (typeof type !== 'string') return `has the type ${shown(type)}${types}`;
  // `BatchNormalization` and `batch_normalization` are the same word.
  const bare = (text: string) => text.replace(/[-_ ]/g, '').toLowerCase();
  const near = LAYER_TYPES.find((known) => bare(known) === bare(type)) ?? nearestName(type, LAYER_TYPES);
  return near === undefined ? `is of the type "${type}"${types}` : `is of the type "${type}"; did you mean "${near}"?`;
}

function wrongOption(issue: v.BaseIssue<unknown>, options: readonly string[]): string {
  const key = String(issue.path?.[0]?.key);
  if (issue.expected === 'never') {
    const near = nearestName(key, ['name', ...options]);
    if (near !== undefined) return ` has no option "${key}"; did you mean "${near}"?`;
    return ` has no option "${key}"; ${options.length === 0 ? 'it has none but its name' : `its options are ${options.join(', ')}`}`;
  }
  const value = issue.path?.[0]?.value;
  if (value === undefined) return ` needs the option "${key}"`;
  const choices = issue.type === 'picklist' ? (issue as v.PicklistIssue) : null;
  const near = choices === null || typeof value !== 'string' ? undefined : nearestName(value, choicesOf(choices));
  const wanted =
    issue.type === 'check' || issue.type === 'custom' ? issue.message : readableType(issue.expected ?? issue.type);
  return `: ${key} must be ${wanted}, not ${shown(value)}${near === undefined ? '' : `; did you mean "${near}"?`}`;
}

function choicesOf({ expected }: v.PicklistIssue): readonly string[] {
  return [...(expected ?? '').matchAll(/"([^"]*)"/g)].map(([, choice]) => choice!);
}

function freeName(type: LayerType, taken: Set<unknown>): string {
  const base = type.replaceAll('-', '_');
  let name = base;
  for (let number = 1; taken.has(name); number++) name = `${base}_${number}`;
  taken.add(name);
  return name;
}

function isLayerType(type: unknown): type is LayerType {
  return typeof type === 'string' && Object.hasOwn(LAYERS, type);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'number' || value === undefined) return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
