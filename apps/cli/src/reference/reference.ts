import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { commandReference } from './command-reference.ts';
import { eventReference } from './event-reference.ts';
import { settingReference } from './setting-reference.ts';

export const REFERENCE_FOLDER = new URL('../../../../docs/reference/', import.meta.url);

/** The pages of docs/reference/ by their file names, formatted as they are committed. */
export async function referencePages(): Promise<readonly (readonly [string, string])[]> {
  const pages = [
    ['commands.md', await commandReference()],
    ['settings.md', settingReference()],
    ['events.md', eventReference()],
  ] as const;
  return Promise.all(
    pages.map(async ([file, text]) => {
      const filepath = fileURLToPath(new URL(file, REFERENCE_FOLDER));
      return [file, await format(text, { ...(await resolveConfig(filepath)), filepath })] as const;
    }),
  );
}
