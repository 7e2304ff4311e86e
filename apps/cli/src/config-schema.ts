import { toJsonSchema } from '@valibot/to-json-schema';
import { RunConfigSchema } from '@convoy/protocol/run-config';
import { flagsBySetting } from './flags/settings-from-flags.ts';
import { MODEL_NAMES } from '@convoy/cifar10/models';
import { recipes } from '@convoy/cifar10/recipes';

type JsonSchema = ReturnType<typeof toJsonSchema>;
type Properties = NonNullable<JsonSchema['properties']>;

const WORKLOAD_DIGEST: JsonSchema = {
  type: 'string',
  description: "sha256 of the workload's code that a run's coordinator served. A new run takes no notice of it.",
};

/** JSON has no number that is not finite: the check for it goes without saying. */
const CONVERSION = { typeMode: 'input' as const, ignoreActions: ['finite'] };

/**
 * The JSON schema of configuration files, for completion in editors: the fields of a run's configuration, none of which must be
 * there. What the program itself checks is {@link RunConfigSchema}, after the layers are one.
 */
export function configSchema(): JsonSchema {
  const { properties = {}, ...whole } = optional(toJsonSchema(RunConfigSchema, CONVERSION), '', flagsBySetting());
  const recipe = { ...(properties['recipe'] as JsonSchema), enum: Object.keys(recipes) };
  // Files have other names, which their workloads check.
  const model = { ...(properties['model'] as JsonSchema), enum: [...MODEL_NAMES, 'workload'] };
  return {
    ...whole,
    title: "A Convoy run's settings",
    properties: { $schema: { type: 'string' }, $workloadSha256: WORKLOAD_DIGEST, ...properties, recipe, model },
  };
}

/**
 * Nothing must be there, and what is not comes from the layer below: the defaults of the whole don't hold.
 * @param flags the flags that set a setting, by its path: descriptions name them.
 */
function optional(schema: JsonSchema, path: string, flags: ReadonlyMap<string, readonly string[]>): JsonSchema {
  const { required: _, default: __, anyOf, oneOf, properties, description, ...rest } = schema;
  const named = flags.get(path)?.join(', ');
  // Without its name it may be any of them.
  const kinds = anyOf ?? oneOf;
  return {
    ...rest,
    ...(description !== undefined && {
      description: named === undefined ? description : `${description} On the command line: ${named}.`,
    }),
    ...(kinds && { anyOf: kinds.map((kind) => optional(kind as JsonSchema, path, flags)) }),
    ...(properties && { properties: optionalEach(properties, path, flags) }),
  };
}

function optionalEach(properties: Properties, path: string, flags: ReadonlyMap<string, readonly string[]>): Properties {
  const each = Object.entries(properties).map(([name, property]) => [
    name,
    optional(property as JsonSchema, path === '' ? name : `${path}.${name}`, flags),
  ]);
  return Object.fromEntries(each) as Properties;
}
