import { recipes } from '@convoy/cifar10/recipes';
import { configSchema } from '../config-schema.ts';
import { code, markdownTable, sentence } from './markdown.ts';

/** What the schema of a configuration has of a setting that this page shows. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** Every setting of a run with its values and meaning, from the schema that checks it, and what each recipe sets. Markdown. */
export function settingReference(): string {
  const { properties = {} } = configSchema() as unknown as Schema;
  const settings = Object.entries(properties).filter(([name]) => !name.startsWith('$'));
  const simple = settings.filter(([, schema]) => groupsOf(schema).length === 0);
  const grouped = settings.filter(([, schema]) => groupsOf(schema).length > 0);
  return [
    '# Settings',
    "The settings that decide a run's result: what a [configuration file](../configuration.md) may hold, and what `config.json` in a run's folder does hold. `convoy config --schema` prints the same as a JSON schema.",
    settingsTable(simple),
    ...grouped.flatMap(([name, schema]) => described(name, schema, 2)),
    '## recipes',
    'What each recipe sets. Everything else has its default.',
    recipesTable(),
  ].join('\n\n');
}

function described(name: string, schema: Schema, depth: number): string[] {
  const heading = `${'#'.repeat(depth)} ${name}`;
  const about = schema.description === undefined ? [] : [sentence(schema.description)];
  return [heading, ...about, ...groupsOf(schema).flatMap((group) => variant(name, group, depth))];
}

/** One of the forms of a setting that is an object: an optimizer, a schedule. */
function variant(name: string, { properties = {} }: Schema, depth: number): string[] {
  const kind = properties['name']?.const;
  const fields = Object.entries(properties).filter(([, { const: only }]) => only === undefined);
  const simple = fields.filter(([, schema]) => groupsOf(schema).length === 0);
  const grouped = fields.filter(([, schema]) => groupsOf(schema).length > 0);
  return [
    ...(kind === undefined ? [] : [`**${code(`"name": ${JSON.stringify(kind)}`)}**`]),
    ...(simple.length === 0 ? [] : [settingsTable(simple)]),
    ...grouped.flatMap(([field, schema]) => described(`${name}.${field}`, schema, depth + 1)),
  ];
}

/** The forms of a setting that are objects; none of a setting that is a number, a text or a list. */
function groupsOf(schema: Schema): readonly Schema[] {
  return (schema.anyOf ?? [schema]).filter(({ properties }) => properties !== undefined);
}

function settingsTable(settings: readonly (readonly [string, Schema])[]): string {
  return markdownTable(
    ['setting', 'values', 'meaning'],
    settings.map(([name, schema]) => [code(name), valuesOf(schema), sentence(schema.description ?? '')]),
  );
}

/** Which values a setting may have, in words. */
function valuesOf(schema: Schema): string {
  const { anyOf, type, items } = schema;
  if (anyOf !== undefined) return anyOf.map(valuesOf).join(' or ');
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((value) => code(JSON.stringify(value))).join(', ');
  if (type === 'array') return `list of ${items === undefined ? 'values' : valuesOf(items)}`;
  if (type === 'boolean') return '`true` or `false`';
  if (type === 'null') return '`null`';
  if (type === 'string') return 'text';
  return `${type === 'integer' ? 'whole number' : 'number'}${rangeOf(schema)}`;
}

/** Larger limits only keep numbers exact. */
const SHOWN_LIMIT = 2 ** 31;

function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  const low = minimum ?? exclusiveMinimum;
  const high = maximum ?? exclusiveMaximum;
  const parts = [
    ...(low === undefined ? [] : [`${minimum === undefined ? 'above' : 'from'} ${low}`]),
    ...(high === undefined || high >= SHOWN_LIMIT ? [] : [`${maximum === undefined ? 'below' : 'to'} ${high}`]),
  ];
  return parts.length === 0 ? '' : ` ${parts.join(' ')}`;
}

function recipesTable(): string {
  const each = Object.entries(recipes).map(([name, { settings }]) => [name, settings as object] as const);
  const names = [...new Set(each.flatMap(([, settings]) => Object.keys(settings)))];
  const rows = names.map((name) => [
    code(name),
    ...each.map(([, settings]) => {
      const value = (settings as Readonly<Record<string, unknown>>)[name];
      return value === undefined ? '' : code(JSON.stringify(value));
    }),
  ]);
  return markdownTable(['setting', ...each.map(([name]) => code(name))], rows);
}
