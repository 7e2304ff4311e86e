import { basename, dirname } from 'node:path';
import type { CheckpointFile, CheckpointFiles } from './checkpoint-files.ts';

/** One operation on the file system, counted from 1. */
export interface Operation {
  readonly number: number;
  readonly name: string;
}

export interface Interruption {
  /** Before an operation is carried out; what it throws, the operation throws. */
  readonly before?: (operation: Operation) => void;
  /** After it was. */
  readonly after?: (operation: Operation) => void;
}

/** Files that let a test step in before and after every operation that changes something. */
export function interruptible(files: CheckpointFiles, { before, after }: Interruption): CheckpointFiles {
  let number = 0;
  const perform = async <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
    const operation = { number: ++number, name };
    before?.(operation);
    const result = await work();
    after?.(operation);
    return result;
  };
  return {
    makeDirectory: (path) => perform('makeDirectory', () => files.makeDirectory(path)),
    async create(path) {
      const file = await perform('create', () => files.create(path));
      return {
        write: (bytes) => perform('write', () => file.write(bytes)),
        sync: () => perform('sync', () => file.sync()),
        // Closed in any case: a test must not lose descriptors.
        close: () => file.close().then(() => perform('close', () => Promise.resolve())),
      };
    },
    syncDirectory: (path) => perform('syncDirectory', () => files.syncDirectory(path)),
    rename: (from, to) => perform('rename', () => files.rename(from, to)),
    remove: (path) => perform('remove', () => files.remove(path)),
    list: (path) => files.list(path),
    read: (path) => files.read(path),
  };
}

export function diskError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: the test's disk refuses`), { code });
}

interface MemoryFile {
  readonly kind: 'file';
  content: Buffer;
  /** What a loss of power leaves for certain. */
  durable: Buffer;
}

interface MemoryDirectory {
  readonly kind: 'directory';
  readonly entries: Map<string, MemoryFile | MemoryDirectory>;
  durable: ReadonlyMap<string, MemoryFile | MemoryDirectory>;
}

/**
 * A disk in memory that knows what was flushed: content is lost until its file is synced, and an entry of a directory until
 * the directory is. Between that and everything, a loss of power may leave anything.
 */
export class MemoryDisk implements CheckpointFiles {
  #root: MemoryDirectory = emptyDirectory();

  makeDirectory(path: string): Promise<void> {
    return now(() => {
      let directory = this.#root;
      for (const name of partsOf(path)) {
        if (!directory.entries.has(name)) directory.entries.set(name, emptyDirectory());
        directory = asDirectory(directory.entries.get(name), path);
      }
    });
  }

  create(path: string): Promise<CheckpointFile> {
    return now(() => {
      const { entries } = this.#directory(dirname(path));
      if (entries.has(basename(path))) throw diskError('EEXIST');
      const file: MemoryFile = { kind: 'file', content: Buffer.alloc(0), durable: Buffer.alloc(0) };
      entries.set(basename(path), file);
      return {
        write: (bytes: Uint8Array) => now(() => void (file.content = Buffer.concat([file.content, bytes]))),
        sync: () => now(() => void (file.durable = file.content)),
        close: () => now(() => {}),
      };
    });
  }

  syncDirectory(path: string): Promise<void> {
    return now(() => {
      const directory = this.#directory(path);
      directory.durable = new Map(directory.entries);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return now(() => {
      const [source, target] = [this.#directory(dirname(from)), this.#directory(dirname(to))];
      const moved = source.entries.get(basename(from));
      if (moved === undefined) throw diskError('ENOENT');
      const replaced = target.entries.get(basename(to));
      if (replaced !== undefined && (replaced.kind !== 'file' || moved.kind !== 'file')) throw diskError('ENOTEMPTY');
      source.entries.delete(basename(from));
      target.entries.set(basename(to), moved);
    });
  }

  remove(path: string): Promise<void> {
    return now(() => void this.#directory(dirname(path)).entries.delete(basename(path)));
  }

  list(path: string): Promise<readonly string[]> {
    return now(() => [...this.#directory(path).entries.keys()]).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
  }

  read(path: string): Promise<Uint8Array> {
    return now(() => {
      const file = this.#directory(dirname(path)).entries.get(basename(path));
      if (file?.kind !== 'file') throw Object.assign(diskError('ENOENT'), { path });
      return Buffer.from(file.content);
    });
  }

  /**
   * What is found after the power went off now. For each thing that was not flushed, `survives` decides whether it was
   * written all the same; of a file, a part may be.
   */
  afterPowerLoss(survives: () => boolean): MemoryDisk {
    const remains = new Map<MemoryFile | MemoryDirectory, MemoryFile | MemoryDirectory>();
    const remaining = (before: MemoryFile | MemoryDirectory): MemoryFile | MemoryDirectory => {
      const known = remains.get(before);
      if (known !== undefined) return known;
      const after = before.kind === 'file' ? remainingFile(before, survives) : emptyDirectory();
      remains.set(before, after);
      if (before.kind === 'directory' && after.kind === 'directory') {
        for (const name of new Set([...before.durable.keys(), ...before.entries.keys()])) {
          const [old, current] = [before.durable.get(name), before.entries.get(name)];
          const left = old === current || survives() ? current : old;
          if (left !== undefined) after.entries.set(name, remaining(left));
        }
        after.durable = new Map(after.entries);
      }
      return after;
    };
    const disk = new MemoryDisk();
    disk.#root = remaining(this.#root) as MemoryDirectory;
    return disk;
  }

  #directory(path: string): MemoryDirectory {
    let directory = this.#root;
    for (const name of partsOf(path)) directory = asDirectory(directory.entries.get(name), path);
    return directory;
  }
}

function remainingFile({ content, durable }: MemoryFile, survives: () => boolean): MemoryFile {
  if (durable.length === content.length || survives()) return { kind: 'file', content, durable: content };
  const half = durable.length + Math.floor((content.length - durable.length) / 2);
  const left = survives() ? content.subarray(0, half) : durable;
  return { kind: 'file', content: left, durable: left };
}

function emptyDirectory(): MemoryDirectory {
  return { kind: 'directory', entries: new Map(), durable: new Map() };
}

function asDirectory(found: MemoryFile | MemoryDirectory | undefined, path: string): MemoryDirectory {
  if (found?.kind !== 'directory') throw Object.assign(diskError('ENOENT'), { path });
  return found;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** Does it in a later turn of the loop, as a disk would, and turns what is thrown into a rejection. */
function now<Result>(work: () => Result): Promise<Result> {
  return Promise.resolve().then(work);
}
