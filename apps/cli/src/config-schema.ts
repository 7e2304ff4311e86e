import { toJsonSchema } from '@valibot/to-json-schema';
import { RunConfigSchema } from '@convoy/protocol/run-config';
import { recipes } from '@convoy/training/config';

type JsonSchema = ReturnType<typeof toJsonSchema>;
type Properties = NonNullable<JsonSchema['properties']>;

/** JSON has no number that is not finite: the check for it goes without saying. */
const CONVERSION = { typeMode: 'input' as const, ignoreActions: ['finite'] };

/**
 * The JSON schema of configuration files, for completion in editors: the fields of a run's configuration, none of which must be
 * there. What the program itself checks is {@link RunConfigSchema}, after the layers are one.
 */
export function configSchema(): JsonSchema {
  const { properties = {}, ...whole } = optional(toJsonSchema(RunConfigSchema, CONVERSION));
  const recipe = { ...(properties['recipe'] as JsonSchema), enum: Object.keys(recipes) };
  return {
    ...whole,
    title: "A Convoy run's settings",
    properties: { $schema: { type: 'string' }, ...properties, recipe },
  };
}

/** Nothing must be there, and what is not comes from the layer below: the defaults of the whole don't hold. */
function optional(schema: JsonSchema): JsonSchema {
  const { required: _, default: __, anyOf, oneOf, properties, ...rest } = schema;
  // Without its name it may be any of them.
  const kinds = anyOf ?? oneOf;
  return {
    ...rest,
    ...(kinds && { anyOf: kinds.map((kind) => optional(kind as JsonSchema)) }),
    ...(properties && { properties: optionalEach(properties) }),
  };
}

function optionalEach(properties: Properties): Properties {
  const each = Object.entries(properties).map(([name, property]) => [name, optional(property as JsonSchema)]);
  return Object.fromEntries(each) as Properties;
}
