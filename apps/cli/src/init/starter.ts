import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { makeFolders } from '@convoy/protocol/make-folders';
import { drawExampleImages } from './example-images.ts';

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
    makeFolders(folder);
    // The same text in both languages: it has no types.
    writeFileSync(join(folder, workload), readFileSync(require.resolve(`tfjs-convoy/templates/${source}.ts`)));
    if (source === 'csv') writeFileSync(join(folder, 'data.csv'), exampleTable());
    if (source === 'images') await drawExampleImages(folder);
  } catch (cause) {
    throw fileError(cause, `can't write into ${folder}`, { remedy: 'name another folder' });
  }
  return names;
}

/** Fruit by size, weight and colour: what the columns are on average, and the class. */
const FRUIT = [
  { kind: 'apple', means: [7.5, 7.2, 170, 0.8] },
  { kind: 'lemon', means: [8.2, 6, 120, 0.35] },
  { kind: 'plum', means: [5, 4.5, 60, 0.6] },
] as const;
const COLUMNS = ['length', 'width', 'weight', 'redness', 'kind'];
const ROWS_PER_CLASS = 60;

/** @returns a CSV file of four numbers and a class per row, sorted by class as such files are. */
function exampleTable(): string {
  const rows = FRUIT.flatMap(({ kind, means }) =>
    Array.from({ length: ROWS_PER_CLASS }, (_, row) => [
      ...means.map((mean, column) => (mean * (0.85 + 0.3 * part(row, column))).toFixed(2)),
      kind,
    ]),
  );
  return [COLUMNS, ...rows].map((row) => `${row.join(',')}\n`).join('');
}

/** From 0 to 1: another for each row and column. */
function part(row: number, column: number): number {
  return ((row * [37, 59, 83, 29][column]! + 17 * column) % 101) / 100;
}
