import { closeSync, createReadStream, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { Parser, type ReadEntry } from 'tar';
import { makeFolders } from '@convoy/protocol/make-folders';
import { BINARY_FILES, RECORD_BYTES, type BinaryLayout } from './binary.ts';

/** Why an archive was refused, in one line. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

/**
 * Unpacks the six data files, and `batches.meta.txt` if it is there, out of a tar archive (gzipped or not) straight into
 * the folder `into`: by their names alone, whatever folder they are in. Other files are passed over.
 * @throws ArchiveError when the archive is damaged, holds a link, a device or an entry that leads out of its folder, or
 * has a data file twice or of the wrong length; the file system's error when writing fails.
 */
export async function unpackArchive(
  archive: string,
  into: string,
  layout: BinaryLayout,
  signal?: AbortSignal,
): Promise<void> {
  makeFolders(into);
  const written = new Set<string>();
  let fault: Error | undefined;
  const fail = (cause: unknown) => {
    fault ??= cause instanceof Error ? cause : new Error(String(cause));
  };

  // Inflating and parsing are synchronous, and so is writing: each entry is on disk when the next one starts.
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const name = fault === undefined ? check(entry, layout, written, fail) : undefined;
      if (name === undefined) entry.resume();
      else save(entry, join(into, name), fail);
    },
  });
  const ended = new Promise<void>((resolve) => void parser.once('end', resolve));
  const broken = new Promise<void>((resolve) => {
    parser.on('error', (cause: Error) => {
      fail(new ArchiveError(`the archive is damaged (${cause.message})`, { cause }));
      resolve();
    });
  });
  for await (const chunk of createReadStream(archive, { signal, highWaterMark: 1024 * 1024 })) {
    parser.write(chunk as Buffer);
    if (fault !== undefined) throw fault;
  }
  parser.end();
  await Promise.race([ended, broken]);
  if (fault !== undefined) throw fault;
}

/** Longer than the official one's 61 bytes by far. */
const META_FILE = 'batches.meta.txt';
const META_MAX_BYTES = 64 * 1024;

/** The name to save the entry under, or undefined to pass over it. */
function check(
  entry: ReadEntry,
  layout: BinaryLayout,
  written: Set<string>,
  fail: (cause: unknown) => void,
): string | undefined {
  const path = entry.path.replaceAll('\\', '/');
  if (posix.isAbsolute(path) || /^[a-z]:/i.test(path) || path.split('/').includes('..')) {
    fail(new ArchiveError(`the archive holds ${entry.path}, which leads out of its folder`));
    return undefined;
  }
  if (entry.type === 'Directory' || entry.type === 'GNUDumpDir') return undefined;
  if (entry.type !== 'File' && entry.type !== 'OldFile' && entry.type !== 'ContiguousFile') {
    const target = entry.linkpath ? ` to ${entry.linkpath}` : '';
    fail(new ArchiveError(`the archive holds ${entry.path}, a ${entry.type}${target} instead of a file`));
    return undefined;
  }
  const name = posix.basename(path);
  if (name === META_FILE && entry.size <= META_MAX_BYTES && !written.has(name)) {
    written.add(name);
    return name;
  }
  if (!BINARY_FILES.includes(name)) return undefined;
  const expected = layout.recordsPerFile * RECORD_BYTES;
  if (entry.size !== expected) {
    fail(new ArchiveError(`the archive's ${name} is not CIFAR-10's: expected ${expected} bytes, found ${entry.size}`));
    return undefined;
  }
  if (written.has(name)) {
    fail(new ArchiveError(`the archive holds ${name} twice`));
    return undefined;
  }
  written.add(name);
  return name;
}

/** Writes the entry's bytes to a new file and has them on the disk before it closes it. */
function save(entry: ReadEntry, path: string, fail: (cause: unknown) => void): void {
  let descriptor: number | undefined;
  const guarded = (work: (descriptor: number) => void) => {
    if (descriptor === undefined) return;
    try {
      work(descriptor);
    } catch (cause) {
      fail(cause);
      closeSync(descriptor);
      descriptor = undefined;
    }
  };
  try {
    descriptor = openSync(path, 'wx');
  } catch (cause) {
    fail(cause);
  }
  entry.on('data', (chunk: Buffer) => guarded((open) => writeFileSync(open, chunk)));
  entry.on('end', () =>
    guarded((open) => {
      fsyncSync(open);
      closeSync(open);
      descriptor = undefined;
    }),
  );
}
