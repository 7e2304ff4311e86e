import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configSchema } from './config-schema.ts';

interface Described {
  readonly description?: string;
}

describe('the JSON schema of configuration files', () => {
  it('is docs/convoy.schema.json; after a change of the settings: npm run schema', () => {
    const committed = readFileSync(new URL('../../../docs/convoy.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(committed)).toEqual(JSON.parse(JSON.stringify(configSchema())));
  });

  it('says of every setting what it means, and demands none', () => {
    const { properties, required } = configSchema();
    expect(required).toBeUndefined();
    const { $schema: _, ...settings } = properties as Record<string, Described>;
    expect(Object.entries(settings).filter(([, { description }]) => description === undefined)).toEqual([]);
  });
});
