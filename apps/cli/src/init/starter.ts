import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { OperatorError } from '@convoy/protocol/errors';
import { drawExampleImages } from './example-images.ts';
import { exampleTable } from './example-table.ts';

/** What a workload can be started from. */
export const SOURCES = ['images', 'csv', 'arrays'] as const;
export type Source = (typeof SOURCES)[number];

export interface StarterOptions {
  /** Where the files go; made if need be. */
  readonly folder: string;
  readonly source: Source;
  /** JavaScript instead of TypeScript. */
  readonly javaScript: boolean;
  /** Files that are there may be replaced. */
  readonly force: boolean;
}

const require = createRequire(import.meta.url);

/**
 * Writes a workload to start from, and example data that it trains on.
 * @returns what was written, as paths under the folder: the workload first.
 * @throws OperatorError when a file is in the way, or the folder can't be written.
 */
export async function writeStarter({ folder, source, javaScript, force }: StarterOptions): Promise<readonly string[]> {
  const workload = javaScript ? 'workload.mjs' : 'workload.ts';
  const data = { images: ['images'], csv: ['data.csv'], arrays: [] }[source];
  const names = [workload, ...data];
  const taken = names.find((name) => existsSync(join(folder, name)));
  if (taken !== undefined && !force) {
    throw new OperatorError(`${join(folder, taken)} is already there: name another folder, or replace it with --force`);
  }
  try {
    mkdirSync(folder, { recursive: true });
    // The same text in both languages: it has no types.
    writeFileSync(join(folder, workload), readFileSync(require.resolve(`tfjs-convoy/templates/${source}.ts`)));
    if (source === 'csv') writeFileSync(join(folder, 'data.csv'), exampleTable());
    if (source === 'images') await drawExampleImages(folder);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new OperatorError(`can't write into ${folder} (${message}): name another folder`, { cause });
  }
  return names;
}
