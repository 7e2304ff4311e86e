import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { makeFolders } from '@convoy/protocol/make-folders';
import { withDownloadLock } from './download-lock.ts';
import { fetchFile, type FetchOptions } from './fetch-file.ts';

/** A file that is known by its digest, wherever it comes from. */
export interface WantedFile {
  /** Its name in the cache's folder. */
  readonly name: string;
  /** Undefined where only the server knows. */
  readonly bytes: number | undefined;
  /** sha256, hex. */
  readonly sha256: string;
  /** Where to ask for it. */
  readonly from: Pick<FetchOptions, 'url' | 'shownUrl' | 'headers' | 'respond'>;
}

export interface CachedFileOptions {
  /** Convoy's cache. */
  readonly cacheDir: string;
  /** What keeps the files apart that belong together: a digest. */
  readonly key: string;
  /** What fetched files may take on the disk: older ones make room. */
  readonly limitBytes: number;
  readonly signal: AbortSignal;
  /** Bytes received so far, of all files. */
  readonly onProgress?: (received: number, total: number) => void;
  /** One line for the operator. */
  readonly onNote: (line: string) => void;
  readonly attempts?: number;
  readonly delay?: FetchOptions['delay'];
  readonly stallTimeoutMs?: number;
  /** Free bytes on the disk of a folder. */
  readonly freeBytes?: (directory: string) => Promise<number>;
}

const STALL_TIMEOUT_MS = 30_000;
/** A disk that is filled to its last byte helps nobody. */
const SPARE_BYTES = 16 * 1024 * 1024;

/**
 * Makes the files lie in one folder of this machine's cache, complete and with the digests that they must have. What is there is
 * looked at each time; what is missing or wrong is fetched, by one process of the machine while the others wait. An interrupted
 * download is continued by the next call.
 * @returns the folder.
 * @throws OperatorError when the disk refuses; FetchError when the server does; the signal's reason when aborted.
 */
export async function cachedFiles(files: readonly WantedFile[], options: CachedFileOptions): Promise<string> {
  const { cacheDir, key, signal, onNote, delay = pause } = options;
  const store = join(cacheDir, 'fetched');
  const folder = join(store, key);
  try {
    if ((await wrongOf(folder, files, signal)).length > 0) {
      const onWait = () => onNote('another process of this machine fetches the same files; waiting for it');
      makeFolders(folder);
      await withDownloadLock(folder, { delay, signal, onWait }, (held) => fill(store, folder, files, options, held));
    }
    await utimes(folder, new Date(), new Date());
    return folder;
  } catch (cause) {
    signal.throwIfAborted();
    throw fileError(cause, `can't keep fetched files in ${folder}`, {
      exitCode: exitCodes.data,
      remedy: 'free some space, or set CONVOY_CACHE_DIR to a folder on another disk that this user may write to',
    });
  }
}

const pause: FetchOptions['delay'] = (durationMs, signal) => wait(durationMs, undefined, { signal });

/** Fetches what is not as it must be. Only the holder of the lock gets here. */
async function fill(
  store: string,
  folder: string,
  files: readonly WantedFile[],
  options: CachedFileOptions,
  signal: AbortSignal,
): Promise<void> {
  const { onNote, onProgress, attempts = Infinity, delay = pause, stallTimeoutMs = STALL_TIMEOUT_MS } = options;
  const wrong = await wrongOf(folder, files, signal);
  const total = sum(wrong.map(({ file }) => file.bytes ?? 0));
  await makeRoom(store, folder, sum(files.map(({ bytes = 0 }) => bytes)), options);
  let before = 0;
  for (const { file, isDamaged } of wrong) {
    const path = join(folder, file.name);
    const partial = `${path}.partial`;
    if (isDamaged) {
      onNote(`the copy of ${file.name} in the cache is damaged and is fetched anew`);
      await rm(path, { force: true });
    }
    const fetching: FetchOptions = {
      ...file.from,
      file: partial,
      expectedBytes: file.bytes,
      attempts,
      attemptsBeforeFirstByte: attempts,
      stallTimeoutMs,
      delay,
      signal,
      onNote: (line) => onNote(`${file.name}: ${line}`),
      onProgress: (received) => onProgress?.(before + received, total),
    };
    await fetchFile(fetching);
    if ((await digestOf(partial, signal)) !== file.sha256) {
      // What an earlier attempt left may have been damaged since.
      onNote(`${file.name} arrived damaged and is fetched anew`);
      await rm(partial, { force: true });
      await fetchFile(fetching);
      if ((await digestOf(partial, signal)) !== file.sha256) {
        await rm(partial, { force: true });
        throw new OperatorError(
          `${file.name} is not what was announced (sha256 ${file.sha256.slice(0, 8)}…) however often it is fetched`,
          { exitCode: exitCodes.data },
        );
      }
    }
    await rename(partial, path);
    before += file.bytes ?? 0;
  }
}

interface WrongFile {
  readonly file: WantedFile;
  /** It is there and is not what it must be. */
  readonly isDamaged: boolean;
}

async function wrongOf(
  folder: string,
  files: readonly WantedFile[],
  signal: AbortSignal,
): Promise<readonly WrongFile[]> {
  const wrong: WrongFile[] = [];
  for (const file of files) {
    const digest = await digestOf(join(folder, file.name), signal);
    if (digest !== file.sha256) wrong.push({ file, isDamaged: digest !== null });
  }
  return wrong;
}

/** sha256 (hex) of a file; null when it is not there. */
export async function digestOf(path: string, signal?: AbortSignal): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 1024 * 1024 }))
      hash.update(chunk as Buffer);
  } catch (cause) {
    signal?.throwIfAborted();
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw cause;
  }
  return hash.digest('hex');
}

/** Removes what was used longest ago until the files fit, and finds out beforehand that the disk is too full for them. */
async function makeRoom(
  store: string,
  folder: string,
  needed: number,
  { limitBytes, freeBytes = freeBytesOf }: CachedFileOptions,
): Promise<void> {
  const others = [];
  for (const name of await readdir(store)) {
    const path = join(store, name);
    if (path !== folder) others.push({ path, bytes: await bytesIn(path), usedMs: (await stat(path)).mtimeMs });
  }
  others.sort((a, b) => a.usedMs - b.usedMs);
  let excess = needed + sum(others.map(({ bytes }) => bytes)) - limitBytes;
  for (const { path, bytes } of others) {
    if (excess <= 0) break;
    await rm(path, { recursive: true, force: true });
    excess -= bytes;
  }
  const missing = needed - (await bytesIn(folder));
  const free = await freeBytes(store);
  if (free < missing + SPARE_BYTES) {
    throw Object.assign(new Error('too little space'), { code: 'ENOSPC', path: folder });
  }
}

async function freeBytesOf(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size);
  return sum(await Promise.all(sizes));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
