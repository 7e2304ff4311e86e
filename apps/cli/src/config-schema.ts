import { toJsonSchema } from '@valibot/to-json-schema';
import { RunConfigSchema } from '@convoy/protocol/run-config';
import { recipes } from '@convoy/training/config';
import { NESTED } from '@convoy/training/settings';

type JsonSchema = ReturnType<typeof toJsonSchema>;

/**
 * The JSON schema of configuration files, for completion in editors: the fields of a run's configuration, none of which must be
 * there. What the program itself checks is {@link RunConfigSchema}, after the layers are one.
 */
export function configSchema(): JsonSchema {
  const { properties = {}, required: _, ...whole } = optional(toJsonSchema(RunConfigSchema, { typeMode: 'input' }));
  for (const name of NESTED) {
    const { anyOf, oneOf, ...rest } = optional(properties[name] as JsonSchema);
    properties[name] = { ...rest, anyOf: (anyOf ?? oneOf ?? []).map((kind) => optional(kind as JsonSchema)) };
  }
  const recipe = { ...(properties['recipe'] as JsonSchema), enum: Object.keys(recipes) };
  return {
    ...whole,
    title: "A Convoy run's settings",
    properties: { $schema: { type: 'string' }, ...properties, recipe },
  };
}

/** Nothing must be there, and what is not comes from the layer below: the defaults of the whole don't hold. */
function optional(schema: JsonSchema): JsonSchema {
  const { required: _, default: __, ...rest } = schema;
  if (rest.properties === undefined) return rest;
  const properties = Object.entries(rest.properties).map(([name, property]) => [
    name,
    optional(property as JsonSchema),
  ]);
  return { ...rest, properties: Object.fromEntries(properties) as NonNullable<JsonSchema['properties']> };
}
