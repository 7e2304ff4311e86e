import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';

/** A file's bytes, or a folder's files by their names. */
export type ExportContent = Uint8Array | ReadonlyMap<string, Uint8Array>;

/**
 * Writes an export under its name, the whole of it or nothing, and through to the disk.
 * @param force replaces an export of the same kind that is there.
 * @throws OperatorError when something is there already, or the disk refuses.
 */
export function writeExport(out: string, content: ExportContent, { force }: { readonly force: boolean }): void {
  const isFolder = !(content instanceof Uint8Array);
  let beside: string | null = null;
  try {
    beside = mkdtempSync(`${resolve(out)}.partial-`);
    const written = join(beside, basename(out));
    if (isFolder) writeFolder(written, content);
    else writeFileSync(written, content, { flush: true });
    // As late as can be: meanwhile somebody else may have written there.
    checkFree(out, { isFolder, force });
    if (isFolder && existsSync(out)) replaceFolder(out, written, join(beside, 'replaced'));
    else renameSync(written, out);
    flushFolder(dirname(resolve(out)));
  } catch (error) {
    throw explain(error, out);
  } finally {
    if (beside !== null) rmSync(beside, { recursive: true, force: true });
  }
}

/**
 * To be told before any work is done. A folder is only ever replaced when it holds an export and nothing else.
 * @throws OperatorError when something is there that must stay.
 */
export function assertFree(out: string, options: Occupancy): void {
  try {
    checkFree(out, options);
  } catch (error) {
    throw explain(error, out);
  }
}

interface Occupancy {
  readonly isFolder: boolean;
  readonly force: boolean;
}

function checkFree(out: string, { isFolder, force }: Occupancy): void {
  const found = statSync(out, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory() !== isFolder) {
    const [there, wanted] = isFolder ? ['a file', 'a folder'] : ['a folder', 'a file'];
    throw new OperatorError(`${out} is ${there}, and this format is ${wanted}: choose another name with --out`);
  }
  if (isFolder) {
    const names = readdirSync(out);
    if (names.length === 0) return;
    const stranger = names.find((name) => name !== 'model.json' && !name.endsWith('.bin'));
    if (stranger !== undefined || !names.includes('model.json')) {
      throw new OperatorError(`${out} has other files than an export's in it: choose another folder with --out`);
    }
  }
  if (!force) throw new OperatorError(`${out} is there already: say --force to replace it, or choose --out`);
}

/** No system replaces a folder that has files in it: the old one is moved aside for a moment, and back if that fails. */
function replaceFolder(out: string, written: string, aside: string): void {
  renameSync(out, aside);
  try {
    renameSync(written, out);
  } catch (error) {
    renameSync(aside, out);
    throw error;
  }
}

function writeFolder(path: string, files: ReadonlyMap<string, Uint8Array>): void {
  mkdirSync(path);
  for (const [name, bytes] of files) writeFileSync(join(path, name), bytes, { flush: true });
  flushFolder(path);
}

function flushFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function explain(error: unknown, out: string): Error {
  return fileError(error, `can't write ${out}`, { remedy: 'mend that, or choose another place with --out' });
}
