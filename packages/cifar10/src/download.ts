import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { OperatorError, exitCodes } from '@convoy/protocol/errors';
import { fileFaultText } from '@convoy/protocol/file-error';
import { makeFolders } from '@convoy/protocol/make-folders';
import {
  BINARY_DIRECTORY,
  BINARY_FILES,
  OFFICIAL_LAYOUT,
  RECORD_BYTES,
  verifyBinary,
  type BinaryLayout,
} from './binary.ts';
import { withDownloadLock } from '@convoy/transport/download-lock';
import { FetchError, fetchFile, withoutCredentials } from '@convoy/transport/fetch-file';
import { ArchiveError, unpackArchive } from './unpack-archive.ts';

/** The archive that CIFAR-10's authors publish. */
const OFFICIAL_ARCHIVE = {
  url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
  bytes: 170_052_171,
  md5: 'c32a1d4ab5d03f1284b67883e8d87530',
  sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
} as const;

export interface DownloadOptions {
  /** Convoy's cache: the data set ends up in `<cacheDir>/cifar-10-batches-bin`. */
  readonly cacheDir: string;
  /** `http:`, `https:` or `file:`, in place of the official address. */
  readonly url?: string | undefined;
  /** Hex digest that the archive must have. Without it, an archive from another `url` is only checked for its layout. */
  readonly sha256?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes received so far, and how many it will be if that is known. */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
  /** One line for the operator: a retry, a wait for another process, a damaged copy that is replaced. */
  readonly onNote?: ((message: string) => void) | undefined;
  readonly attempts?: number | undefined;
  readonly attemptsBeforeFirstByte?: number | undefined;
  readonly stallTimeoutMs?: number | undefined;
  readonly delay?: ((durationMs: number, signal: AbortSignal | undefined) => Promise<unknown>) | undefined;
  /** Free bytes on the disk of a folder. */
  readonly freeBytes?: ((directory: string) => Promise<number>) | undefined;
  readonly layout?: BinaryLayout | undefined;
}

const DOWNLOAD_DEFAULTS = {
  attempts: 5,
  attemptsBeforeFirstByte: 2,
  stallTimeoutMs: 30_000,
  delay: (durationMs: number, signal: AbortSignal | undefined) => wait(durationMs, undefined, { signal }),
  freeBytes: async (directory: string) => {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  },
  layout: OFFICIAL_LAYOUT,
} as const;

/**
 * Downloads CIFAR-10 into the cache, unless it is there. One process of a machine does the work; others that ask at the
 * same time wait for it. The folder appears at once and complete, or not at all; an interrupted download is continued by
 * the next call.
 * @returns the folder with the six files.
 * @throws OperatorError in one line: the address, the reason, and what can be done instead. The signal's reason when aborted.
 */
export async function downloadCifar10(options: DownloadOptions): Promise<string> {
  const settings = resolve(options);
  try {
    return await withDownloadLock(
      join(settings.cacheDir, 'downloads'),
      {
        delay: settings.delay,
        signal: settings.signal,
        onWait: () => settings.onNote?.('another process is downloading CIFAR-10; waiting for it'),
      },
      (signal) => fill({ ...settings, signal }),
    );
  } catch (cause) {
    settings.signal?.throwIfAborted();
    throw explain(cause, settings);
  }
}

/** The folder that {@link downloadCifar10} fills. */
export function cachedCifar10(cacheDir: string): string {
  return join(cacheDir, BINARY_DIRECTORY);
}

interface Settings extends DownloadOptions {
  readonly source: URL;
  readonly digest: string | undefined;
  /** Length of the archive, as far as it is known beforehand. */
  readonly archiveBytes: number | undefined;
  readonly attempts: number;
  readonly attemptsBeforeFirstByte: number;
  readonly stallTimeoutMs: number;
  readonly delay: (durationMs: number, signal: AbortSignal | undefined) => Promise<unknown>;
  readonly freeBytes: (directory: string) => Promise<number>;
  readonly layout: BinaryLayout;
}

function resolve(options: DownloadOptions): Settings {
  const address = options.url ?? OFFICIAL_ARCHIVE.url;
  const source = URL.canParse(address) ? new URL(address) : undefined;
  if (source === undefined || !['http:', 'https:', 'file:'].includes(source.protocol)) {
    throw dataError(`CONVOY_CIFAR10_URL must be an http:, https: or file: address, not ${address}`);
  }
  if (options.sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(options.sha256)) {
    throw dataError(`CONVOY_CIFAR10_SHA256 must be 64 hexadecimal digits, not ${options.sha256}`);
  }
  const official = source.href === OFFICIAL_ARCHIVE.url;
  return {
    ...options,
    source,
    digest: options.sha256?.toLowerCase() ?? (official ? OFFICIAL_ARCHIVE.sha256 : undefined),
    archiveBytes: official ? OFFICIAL_ARCHIVE.bytes : undefined,
    attempts: options.attempts ?? DOWNLOAD_DEFAULTS.attempts,
    attemptsBeforeFirstByte: options.attemptsBeforeFirstByte ?? DOWNLOAD_DEFAULTS.attemptsBeforeFirstByte,
    stallTimeoutMs: options.stallTimeoutMs ?? DOWNLOAD_DEFAULTS.stallTimeoutMs,
    delay: options.delay ?? DOWNLOAD_DEFAULTS.delay,
    freeBytes: options.freeBytes ?? DOWNLOAD_DEFAULTS.freeBytes,
    layout: options.layout ?? DOWNLOAD_DEFAULTS.layout,
  };
}

/** Fetches, checks, unpacks, checks again and moves into place. Only the holder of the lock gets here. */
async function fill(settings: Settings): Promise<string> {
  const { cacheDir, layout, source, signal } = settings;
  const target = cachedCifar10(cacheDir);
  if (isComplete(target, settings)) return target;

  const downloads = join(cacheDir, 'downloads');
  const local = source.protocol === 'file:';
  const archive = local ? fileURLToPath(source) : join(downloads, 'cifar-10-binary.tar.gz.partial');
  await checkSpace(settings, downloads, local ? undefined : archive);
  if (!local) {
    await fetchFile({ ...settings, url: source, file: archive, expectedBytes: settings.archiveBytes });
  }
  const unpacked = join(downloads, 'unpacking');
  await rm(unpacked, { recursive: true, force: true });
  try {
    await checkDigest(archive, settings.digest, signal);
    await unpackArchive(archive, unpacked, layout, signal);
    verifyBinary(unpacked, layout);
    signal?.throwIfAborted();
    await rm(target, { recursive: true, force: true });
    await rename(unpacked, target);
    if (!local) await rm(archive, { force: true });
  } catch (cause) {
    // A wrong archive would be wrong again; one that merely found no room on the disk needn't come twice.
    const wrong = cause instanceof ArchiveError || cause instanceof OperatorError;
    if (wrong && !local) await rm(archive, { force: true });
    throw cause;
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
  return target;
}

function isComplete(target: string, { layout, onNote }: Settings): boolean {
  try {
    verifyBinary(target, layout);
    return true;
  } catch (cause) {
    if (!(cause instanceof OperatorError)) throw cause;
    if ((cause.cause as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT') {
      onNote?.(`the copy in the cache is damaged and will be replaced: ${cause.message}`);
    }
    return false;
  }
}

/** @throws ArchiveError when the archive's SHA-256 is not `expected`. */
async function checkDigest(
  archive: string,
  expected: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (expected === undefined) return;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(archive, { signal, highWaterMark: 1024 * 1024 })) hash.update(chunk);
  const found = hash.digest('hex');
  if (found !== expected) throw new ArchiveError(`the archive's SHA-256 is ${found}, expected ${expected}`);
}

/** Finds out beforehand that the disk is too full for what is still to come and the unpacked files. */
async function checkSpace(settings: Settings, directory: string, partial: string | undefined): Promise<void> {
  const unpacked = BINARY_FILES.length * settings.layout.recordsPerFile * RECORD_BYTES;
  let needed = unpacked;
  if (partial !== undefined) {
    const held = await stat(partial).then(
      ({ size }) => size,
      () => 0,
    );
    // An archive of unknown length is hardly longer than what it holds.
    needed += Math.max(0, (settings.archiveBytes ?? unpacked) - held);
  }
  makeFolders(directory);
  const free = await settings.freeBytes(directory);
  if (free < needed) {
    throw new NoSpaceError(`it needs ${megabytes(needed)} in ${settings.cacheDir}, and ${megabytes(free)} are free`);
  }
}

class NoSpaceError extends Error {}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}

/** Every failure as one line: what was tried, why it failed, what can be done instead. */
function explain(cause: unknown, { source, cacheDir }: Settings): unknown {
  const { code, syscall, message } = cause as NodeJS.ErrnoException;
  const elsewhere = 'set CONVOY_CACHE_DIR to a folder on another disk';
  let reason: string;
  if (cause instanceof NoSpaceError) reason = `${message} (${elsewhere})`;
  else if (code === 'ENOSPC' || code === 'EDQUOT') reason = `no space is left for ${cacheDir} (${elsewhere})`;
  else if (code === 'ECOMPROMISED') reason = 'this process stood still so long that another one took the download over';
  else if (cause instanceof FetchError || cause instanceof ArchiveError || cause instanceof OperatorError)
    reason = message;
  else if (code !== undefined && syscall !== undefined) {
    const where = syscall === 'mkdir' ? `can't make ${cacheDir}: ` : '';
    reason = where + (fileFaultText(cause) ?? message);
  } else return cause;
  return dataError(
    `CIFAR-10 can't be downloaded from ${withoutCredentials(source)}: ${reason}. ${ALTERNATIVES}`,
    cause,
  );
}

/** What to do when CIFAR-10 isn't there. */
export const ALTERNATIVES =
  'Instead, name a folder that holds cifar-10-batches-bin (--data-dir or CIFAR10_DIR), the address of another copy of ' +
  'the archive (CONVOY_CIFAR10_URL; file: works), or train on drawn shapes (--dataset synthetic)';

function dataError(message: string, cause?: unknown): OperatorError {
  return new OperatorError(message, { exitCode: exitCodes.data, cause });
}
