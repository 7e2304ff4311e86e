import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { OperatorError, exitCodes } from '@convoy/protocol/errors';
import { CIFAR10_CLASS_NAMES, IMAGE_BYTES, IMAGE_SHAPE, type ImageDataset, type Split } from '@convoy/model/dataset';
import { fileError } from '@convoy/protocol/file-error';

/** Files of the official binary layout, in the order in which their records are numbered. */
const TRAIN_FILES = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`);
const TEST_FILE = 'test_batch.bin';
export const BINARY_FILES: readonly string[] = [...TRAIN_FILES, TEST_FILE];
/** The folder that the official archive unpacks to. */
export const BINARY_DIRECTORY = 'cifar-10-batches-bin';
/** One label byte, then a plane of 32·32 bytes each for red, green and blue. */
export const RECORD_BYTES = 1 + IMAGE_BYTES;

export interface BinaryLayout {
  /** Records in each of the six files: 10,000 officially; tests use smaller files. */
  readonly recordsPerFile: number;
}

export const OFFICIAL_LAYOUT: BinaryLayout = { recordsPerFile: 10_000 };

const FINGERPRINT_VERSION = 'cifar-10-binary/1';
const PLANE = IMAGE_BYTES / 3;
/** Hashing follows reading closely enough to find the bytes still in the CPU's cache. */
const READ_CHUNK_BYTES = 256 * 1024;

/**
 * Opens CIFAR-10 in its binary layout and keeps it in memory: 184 MB of uint8, read and hashed in one pass.
 * @param directory the folder with the six files, or one that contains `cifar-10-batches-bin`.
 * @throws OperatorError naming the file, what was expected and what was found.
 */
export function openBinary(directory: string, layout: BinaryLayout = OFFICIAL_LAYOUT): ImageDataset {
  const folder = findBinary(directory);
  const fileBytes = layout.recordsPerFile * RECORD_BYTES;
  // Not zeroed (every byte is read into), and never from the pool.
  const records = Buffer.allocUnsafeSlow(BINARY_FILES.length * fileBytes);
  const hash = createHash('sha256').update(`${FINGERPRINT_VERSION}\nrecords per file ${layout.recordsPerFile}\n`);
  BINARY_FILES.forEach((name, position) => {
    const at = position * fileBytes;
    readRecords(join(folder, name), records.subarray(at, at + fileBytes), (bytes) => hash.update(bytes));
  });

  const trainCount = TRAIN_FILES.length * layout.recordsPerFile;
  const testCount = layout.recordsPerFile;
  return {
    name: 'cifar10',
    trainCount,
    testCount,
    inputShape: IMAGE_SHAPE,
    inputType: 'uint8',
    classNames: CIFAR10_CLASS_NAMES,
    fingerprint: hash.digest('hex'),
    origin: `CIFAR-10 in ${folder}`,
    files: BINARY_FILES.map((name) => ({ name, path: join(folder, name), url: null })),
    read(split: Split, index: number, target: Uint8Array, offset: number): number {
      const count = split === 'train' ? trainCount : testCount;
      if (!Number.isInteger(index) || index < 0 || index >= count) {
        throw new RangeError(`the ${split} split has images 0 to ${count - 1}, not ${index}`);
      }
      if (offset < 0 || offset + IMAGE_BYTES > target.length) {
        throw new RangeError(`no room for ${IMAGE_BYTES} bytes at ${offset} of ${target.length}`);
      }
      const at = (split === 'train' ? index : trainCount + index) * RECORD_BYTES;
      interleave(records, at + 1, target, offset);
      return records[at]!;
    },
  };
}

/**
 * Checks the six files as {@link openBinary} does, holding one of them at a time.
 * @throws OperatorError
 */
export function verifyBinary(directory: string, layout: BinaryLayout = OFFICIAL_LAYOUT): void {
  const folder = findBinary(directory);
  const records = Buffer.allocUnsafeSlow(layout.recordsPerFile * RECORD_BYTES);
  for (const name of BINARY_FILES) readRecords(join(folder, name), records);
}

/** Planes RRR…GGG…BBB… at `source[from]` become pixels RGBRGB… at `target[to]`. */
function interleave(source: Uint8Array, from: number, target: Uint8Array, to: number): void {
  const end = from + PLANE;
  for (let red = from, at = to; red < end; red++, at += 3) {
    target[at] = source[red]!;
    target[at + 1] = source[red + PLANE]!;
    target[at + 2] = source[red + 2 * PLANE]!;
  }
}

/** Fills `into` with the file at `path`, which must be exactly as long and hold labels 0 to 9. */
function readRecords(path: string, into: Buffer, onBytes?: (bytes: Buffer) => void): void {
  let descriptor;
  try {
    descriptor = openSync(path, 'r');
  } catch (cause) {
    throw unreadable(path, cause);
  }
  try {
    const { size } = fstatSync(descriptor);
    if (size !== into.length) throw wrongSize(path, into.length, size);
    let at = 0;
    while (at < into.length) {
      const count = readSync(descriptor, into, at, Math.min(READ_CHUNK_BYTES, into.length - at), null);
      if (count === 0) throw wrongSize(path, into.length, at);
      onBytes?.(into.subarray(at, at + count));
      at += count;
    }
  } catch (cause) {
    throw cause instanceof OperatorError ? cause : unreadable(path, cause);
  } finally {
    closeSync(descriptor);
  }
  for (let at = 0; at < into.length; at += RECORD_BYTES) {
    if (into[at]! > 9) {
      throw dataError(
        `${path} is not CIFAR-10's binary layout: expected a label from 0 to 9 at byte ${at} (record ${at / RECORD_BYTES}), found ${into[at]}`,
      );
    }
  }
}

/** The folder that holds the six files: `directory` itself or its `cifar-10-batches-bin`. */
function findBinary(directory: string): string {
  const expected = `expected a folder with ${TRAIN_FILES[0]} … ${TRAIN_FILES.at(-1)} and ${TEST_FILE}`;
  let names: string[];
  try {
    if (!statSync(directory).isDirectory()) {
      const archive = /\.(tar|t?gz)$/.test(directory);
      throw dataError(`${directory} is ${archive ? 'an archive: unpack it first' : 'a file'}; ${expected}`);
    }
    names = readdirSync(directory);
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw dataError(`${directory} does not exist; ${expected}`, cause);
    throw fileError(cause, `can't read ${directory}`, { exitCode: exitCodes.data, remedy: expected });
  }
  // One file is enough to know the folder; a missing one is then named by the reader.
  if (names.some((name) => BINARY_FILES.includes(name))) return directory;
  const inside = join(directory, BINARY_DIRECTORY);
  if (existsSync(inside)) return inside;
  if (
    basename(directory) === 'cifar-10-batches-py' ||
    names.includes('cifar-10-batches-py') ||
    names.includes('data_batch_1')
  ) {
    throw dataError(`${directory} holds CIFAR-10's Python version (pickles); ${expected}: the "binary version"`);
  }
  if (names.includes('train.bin') || names.includes('cifar-100-binary')) {
    throw dataError(`${directory} holds CIFAR-100; ${expected}: CIFAR-10's "binary version"`);
  }
  const found = names.length === 0 ? 'nothing' : names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');
  throw dataError(`${directory} is not CIFAR-10: ${expected}, found ${found}`);
}

function wrongSize(path: string, expected: number, found: number): OperatorError {
  const fault = found < expected ? 'is truncated' : 'is too long';
  const records = `${expected / RECORD_BYTES} records of ${RECORD_BYTES}`;
  return dataError(`${path} ${fault}: expected ${expected} bytes (${records}), found ${found}`);
}

function unreadable(path: string, cause: unknown): Error {
  if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
    return dataError(`${path} is missing: expected CIFAR-10's six files in one folder`, cause);
  return fileError(cause, `can't read ${path}`, { exitCode: exitCodes.data });
}

function dataError(message: string, cause?: unknown): OperatorError {
  return new OperatorError(message, { exitCode: exitCodes.data, cause });
}
