import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolders } from '@convoy/protocol/make-folders';

/** The name that TensorFlow looks for in the directory of a SavedModel. */
export const GRAPH_FILE = 'saved_model.pb';

/**
 * Calls `load` with a directory that holds `bytes` as its {@link GRAPH_FILE}: TensorFlow loads graphs from nowhere else.
 * It lies in `cacheDir/graphs`, and stays there for the next process and whoever wants to look at it; where that can't be
 * written, in a temporary directory that is removed again.
 *
 * A graph is cached under the digest of its own bytes, and a file is used only if its bytes have it: another model,
 * format or version of this code can't be mistaken for it, and a damaged file is written anew. Processes that do so at
 * once write the same bytes, each to a file of its own, and rename it.
 */
export function withGraphDirectory<T>(bytes: Uint8Array, cacheDir: string, load: (directory: string) => T): T {
  const directory = join(cacheDir, 'graphs', digest(bytes));
  if (isIntact(directory, bytes) || wasWritten(directory, bytes)) return load(directory);
  const temporary = mkdtempSync(join(tmpdir(), 'convoy-graph-'));
  try {
    writeFileSync(join(temporary, GRAPH_FILE), bytes);
    return load(temporary);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function isIntact(directory: string, bytes: Uint8Array): boolean {
  try {
    return readFileSync(join(directory, GRAPH_FILE)).equals(bytes);
  } catch {
    return false;
  }
}

function wasWritten(directory: string, bytes: Uint8Array): boolean {
  // Read-only, full, or a file where a directory should be: the cache is a convenience, so any failure is an answer.
  try {
    makeFolders(directory);
  } catch {
    return false;
  }
  const partial = join(directory, `${GRAPH_FILE}.${randomUUID()}.partial`);
  try {
    writeFileSync(partial, bytes);
    renameSync(partial, join(directory, GRAPH_FILE));
    return true;
  } catch {
    rmSync(partial, { force: true });
    return false;
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}
