import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeEvents } from './event-reference.ts';
import { code, sentence } from './markdown.ts';
import { REFERENCE_FOLDER, referencePages } from './reference.ts';

describe('docs/reference', () => {
  it('is what the commands, the settings and the events say; after a change of one: npm run reference', async () => {
    for (const [file, text] of await referencePages())
      expect(readFileSync(new URL(file, REFERENCE_FOLDER), 'utf8'), file).toBe(text);
  });

  it('says of every event what it means, and of each of its fields', () => {
    const events = describeEvents();
    expect(events.filter(({ about }) => about === '').map(({ name }) => name)).toEqual([]);
    const unsaid = events.flatMap(({ name, fields }) =>
      fields.filter(({ meaning }) => meaning === '').map((field) => `${name}.${field.name}`),
    );
    expect(unsaid).toEqual([]);
  });

  it('shows options as code, links pages, and leaves code as it is', () => {
    expect(sentence('see docs/deploy/slurm.md, with --max-norm <n> or `--x_y`')).toBe(
      'See [slurm](../deploy/slurm.md), with `--max-norm` \\<n\\> or `--x_y`.',
    );
    expect(code('a')).toBe('`a`');
  });
});
