import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileFaultText } from '@convoy/protocol/file-error';

/** What checkpoints need of a file system, an operation at a time: a test fails or kills at any of them. */
export interface CheckpointFiles {
  /** Makes a directory, its missing parents included; one that exists is left as it is. */
  makeDirectory(path: string): Promise<void>;
  /** Makes a file that must not exist yet. */
  create(path: string): Promise<CheckpointFile>;
  /** Flushes a directory's entries to the disk: until then a crash of the machine may undo creations and renames in it. */
  syncDirectory(path: string): Promise<void>;
  /** Renames a directory or a file within its parent, whole or not at all. A file takes the place of one that has the name. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a directory with what is in it; one that is gone already is as well. */
  remove(path: string): Promise<void>;
  /** Names in a directory; none when there is no such directory. */
  list(path: string): Promise<readonly string[]>;
  read(path: string): Promise<Uint8Array>;
}

/** A file that is being written. */
export interface CheckpointFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Flushes its content to the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The machine's file system. */
export const diskFiles: CheckpointFiles = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true })),
  async create(path) {
    const file = await open(path, 'wx');
    return {
      async write(bytes) {
        // A nearly full disk takes a part and says so only when it is asked again. writeFile would cut it in many pieces.
        for (let done = 0; done < bytes.byteLength;) done += (await file.write(bytes, done)).bytesWritten;
      },
      sync: () => file.sync(),
      close: () => file.close(),
    };
  },
  async syncDirectory(path) {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
  async list(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  },
  read: (path) => readFile(path),
};

/** Writes a file beside its place, flushes it and renames it: a reader sees the old file or the new one, also after a crash. */
export async function writeWhole(files: CheckpointFiles, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.partial`;
  // What an earlier attempt left.
  await files.remove(temporary);
  const file = await files.create(temporary);
  try {
    await file.write(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(temporary, path);
  await files.syncDirectory(dirname(path));
}

/** What an operator can do about a disk that refused, in a few words. */
export function remedyFor(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk is full (${code}): free some space on it`;
    case 'EACCES':
    case 'EPERM':
      return `permission was refused (${code}): make the folder writable for this process`;
    case 'EROFS':
      return `the disk is mounted read-only (${code}): mount it for writing`;
    case 'EIO':
      return `the disk fails (${code}): save what is on it and resume the run from a copy on another`;
    case 'EMFILE':
    case 'ENFILE':
      return `this process has too many open files (${code}): raise the limit with ulimit -n`;
    default:
      return fileFaultText(error) ?? message;
  }
}
