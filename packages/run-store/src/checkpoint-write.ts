import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  MANIFEST_FILE,
  checkpointName,
  encodeManifest,
  type CheckpointManifest,
  type FileEntry,
} from './checkpoint.ts';
import type { CheckpointFiles } from './checkpoint-files.ts';

/** A few milliseconds of sha256: between two pieces, heartbeats are answered. */
const DEFAULT_CHUNK_BYTES = 4 << 20;

const WRITING = '.writing-';
const REMOVING = '.removing-';
/** What killed processes leave. */
export const LEFTOVER = /^\.(writing|removing)-step-/;

/** Where a checkpoint is written before it gets its name. */
export function writingPath(root: string, step: number): string {
  return join(root, `${WRITING}${checkpointName(step, 0)}-${randomBytes(4).toString('hex')}`);
}

export interface WriteOptions {
  /** A directory that does not exist yet. */
  readonly path: string;
  readonly contents: readonly (readonly [file: string, bytes: Uint8Array])[];
  readonly manifest: Omit<CheckpointManifest, 'files'>;
  /** Bytes that are hashed and written at a time. Default {@link DEFAULT_CHUNK_BYTES}. */
  readonly chunkBytes?: number | undefined;
}

/** Writes a checkpoint's directory and flushes it, the manifest last. @returns the bytes of all files. */
export async function writeCheckpoint(
  files: CheckpointFiles,
  { path, contents, manifest, chunkBytes = DEFAULT_CHUNK_BYTES }: WriteOptions,
): Promise<number> {
  await files.makeDirectory(path);
  // Side by side: where the compute of a run in one process holds the event loop, each wait for the disk costs a turn.
  const entries = await allSettled(
    contents.map(async ([file, bytes]) => [file, await writeFile(files, join(path, file), bytes, chunkBytes)] as const),
  );
  const table = Object.fromEntries(entries);
  const { bytes } = await writeFile(
    files,
    join(path, MANIFEST_FILE),
    encodeManifest({ ...manifest, files: table }),
    chunkBytes,
  );
  await files.syncDirectory(path);
  return Object.values(table).reduce((sum, file) => sum + file.bytes, bytes);
}

/** Removes a checkpoint. Under another name first: half of a directory must not look like a damaged checkpoint. */
export async function removeCheckpoint(files: CheckpointFiles, root: string, name: string): Promise<void> {
  const removing = join(root, `${REMOVING}${name}-${randomBytes(4).toString('hex')}`);
  await files.rename(join(root, name), removing);
  await files.remove(removing);
}

/** @returns the file's length and sha256. */
async function writeFile(
  files: CheckpointFiles,
  path: string,
  bytes: Uint8Array,
  chunkBytes: number,
): Promise<FileEntry> {
  const hash = createHash('sha256');
  const file = await files.create(path);
  try {
    for (let start = 0; start < bytes.byteLength; start += chunkBytes) {
      const chunk = bytes.subarray(start, start + chunkBytes);
      hash.update(chunk);
      await file.write(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes: bytes.byteLength, sha256: hash.digest('hex') };
}

/** The results, or the first failure when all have come to their end: nothing is still being written then. */
async function allSettled<Result>(work: readonly Promise<Result>[]): Promise<Result[]> {
  return (await Promise.allSettled(work)).map((settled) => {
    if (settled.status === 'rejected') throw settled.reason;
    return settled.value;
  });
}
