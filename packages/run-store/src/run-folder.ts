import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunEvent } from '@convoy/protocol/run-events';
import { float32Bytes, type TensorTable } from '@convoy/protocol/tensor';
import { checkConfig } from '@convoy/training/config';

/** What `parameters.json` says about the `parameters.bin` beside it. */
export interface ParametersFile {
  readonly format: 'float32-little-endian';
  readonly step: number;
  readonly sha256: string;
  readonly bytes: number;
  readonly modelHash: string;
  readonly tensors: TensorTable;
}

/**
 * A run's folder: `config.json`, `events.jsonl`, `parameters.bin` with its tensor table `parameters.json`, and
 * `checkpoints/`.
 */
export class RunFolder {
  readonly path: string;
  readonly #events: number;
  readonly #onWriteError: (error: Error) => void;
  #logging = true;

  /**
   * Makes the folder of a new run and opens its log.
   * @param onWriteError told once when the log can't be written any more (a full disk): training goes on without it.
   * @param events an open log of a run that exists: {@link RunFolder.reopen} has one.
   * @throws OperatorError when the folder exists with another run in it, or can't be made.
   */
  constructor(
    path: string,
    config: RunConfig,
    onWriteError: (error: Error) => void,
    events = createFolder(path, config),
  ) {
    this.path = path;
    this.#onWriteError = onWriteError;
    this.#events = events;
  }

  /**
   * The folder of a run that is to go on. A last line of its log that a crash cut short is removed; the events after the
   * checkpoint stay, for they happened. The run's lock must be held.
   * @returns `run` is the run's id, `config` what decides its result.
   * @throws OperatorError when it is no run's folder, or its files can't be read or are not what they were.
   */
  static reopen(
    path: string,
    onWriteError: (error: Error) => void,
  ): { readonly folder: RunFolder; readonly run: string; readonly config: RunConfig } {
    const config = readConfig(path);
    let events: number;
    try {
      events = openSync(join(path, 'events.jsonl'), 'r+');
      ftruncateSync(events, lengthOfWholeLines(events));
      closeSync(events);
      // Readable, for the run's id; every write goes to the end.
      events = openSync(join(path, 'events.jsonl'), 'a+');
    } catch (error) {
      throw explainReopening(error as NodeJS.ErrnoException, path);
    }
    try {
      const run = runIdOf(events, path);
      return { folder: new RunFolder(path, config, onWriteError, events), run, config };
    } catch (error) {
      closeSync(events);
      throw error;
    }
  }

  /** Appends one line. */
  log(event: RunEvent): void {
    if (!this.#logging) return;
    try {
      writeSync(this.#events, `${JSON.stringify(event)}\n`);
    } catch (error) {
      this.#logging = false;
      this.#onWriteError(error as Error);
    }
  }

  /**
   * Writes the parameters and their table, each whole or not at all, the table last.
   * @throws OperatorError when the disk refuses.
   */
  saveParameters(values: Float32Array, step: number, tensors: TensorTable, modelHash: string): void {
    const bytes = float32Bytes(values);
    const table: ParametersFile = {
      format: 'float32-little-endian',
      step,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      bytes: bytes.byteLength,
      modelHash,
      tensors,
    };
    try {
      writeAtomically(join(this.path, 'parameters.bin'), bytes);
      writeAtomically(join(this.path, 'parameters.json'), `${JSON.stringify(table, null, 2)}\n`);
    } catch (error) {
      throw new OperatorError(`can't write the parameters to ${this.path}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  close(): void {
    this.#logging = false;
    closeSync(this.#events);
  }
}

/**
 * The configuration that a run's folder holds.
 * @throws OperatorError when the folder is no run's, or the configuration is not what this version of Convoy reads.
 */
export function readConfig(path: string): RunConfig {
  const file = join(path, 'config.json');
  const wrong = (what: string, cause: unknown) => new OperatorError(what, { exitCode: exitCodes.data, cause });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR';
    const reason = isAbsent ? `${path} is no run's folder: it has no config.json` : `can't read ${file}: ${message}`;
    throw wrong(reason, error);
  }
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw wrong(`${file} is not JSON: it was changed or cut`, error);
  }
  try {
    return checkConfig(config);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw wrong(`${file} is not a configuration of this version of Convoy: ${error.message}`, error);
  }
}

/**
 * The id of the run in a folder. The run may be going on.
 * @throws OperatorError when there is no log, or it was changed.
 */
export function readRunId(path: string): string {
  const file = join(path, 'events.jsonl');
  let events: number;
  try {
    events = openSync(file, 'r');
  } catch (cause) {
    throw new OperatorError(`can't read ${file}: ${(cause as Error).message}`, { exitCode: exitCodes.data, cause });
  }
  try {
    return runIdOf(events, path);
  } finally {
    closeSync(events);
  }
}

/** @returns the new log. */
function createFolder(path: string, config: RunConfig): number {
  try {
    mkdirSync(path, { recursive: true });
    // 'x' fails where a run has been before: nothing is overwritten.
    const events = openSync(join(path, 'events.jsonl'), 'ax');
    writeAtomically(join(path, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
    return events;
  } catch (error) {
    throw explainFolder(error as NodeJS.ErrnoException, path);
  }
}

const READ_BYTES = 1 << 16;

/** Bytes up to and with the last newline: what follows was cut short. Read from the end, for a log may be long. */
function lengthOfWholeLines(file: number): number {
  const piece = Buffer.alloc(READ_BYTES);
  for (let end = fstatSync(file).size; end > 0; end -= Math.min(end, READ_BYTES)) {
    const start = Math.max(0, end - READ_BYTES);
    const read = readSync(file, piece, 0, end - start, start);
    const newline = piece.subarray(0, read).lastIndexOf('\n');
    if (newline >= 0) return start + newline + 1;
  }
  return 0;
}

/** The id is in the first event, which a run writes before anything can be lost. */
function runIdOf(events: number, path: string): string {
  const piece = Buffer.alloc(READ_BYTES);
  const [line] = piece.toString('utf8', 0, readSync(events, piece, 0, READ_BYTES, 0)).split('\n');
  if (line === '') {
    throw new OperatorError(`the run in ${path} ended before it began: remove the folder and start it anew`, {
      exitCode: exitCodes.data,
    });
  }
  try {
    const event = JSON.parse(line!) as Partial<RunEvent> | null;
    if (event?.type === 'run-started' && 'run' in event && typeof event.run === 'string') return event.run;
  } catch {
    // The same answer as for a line that is another event.
  }
  throw new OperatorError(`${join(path, 'events.jsonl')} does not begin with the run's start: it was changed`, {
    exitCode: exitCodes.data,
  });
}

/** Writes beside the target, flushes to the disk and renames: a reader sees the old file or the new one. */
export function writeAtomically(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.partial`;
  writeFileSync(temporary, content, { flush: true });
  renameSync(temporary, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function explainReopening(error: NodeJS.ErrnoException, path: string): Error {
  switch (error.code) {
    case 'ENOENT':
      return new OperatorError(`${path} has a config.json and no events.jsonl: it is no run that can be resumed`, {
        exitCode: exitCodes.data,
        cause: error,
      });
    case 'EACCES':
    case 'EROFS':
      return new OperatorError(`can't write to ${path}, so the run can't go on there: make it writable`, {
        cause: error,
      });
    default:
      return error;
  }
}

function explainFolder(error: NodeJS.ErrnoException, path: string): Error {
  switch (error.code) {
    case 'EEXIST':
      return new OperatorError(`${path} already holds a run: choose another folder with --run-dir`, { cause: error });
    case 'EACCES':
    case 'EROFS':
      return new OperatorError(`can't write to ${path}: choose another folder with --run-dir`, { cause: error });
    case 'ENOSPC':
      return new OperatorError(`no space left for ${path}: free some, or choose another disk with --run-dir`, {
        cause: error,
      });
    default:
      return error;
  }
}
