import { closeSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync, fsyncSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunEvent } from '@convoy/protocol/run-events';
import { float32Bytes, type TensorTable } from '@convoy/protocol/tensor';

/** What `parameters.json` says about the `parameters.bin` beside it. */
export interface ParametersFile {
  readonly format: 'float32-little-endian';
  readonly step: number;
  readonly sha256: string;
  readonly bytes: number;
  readonly modelHash: string;
  readonly tensors: TensorTable;
}

/** A run's folder: `config.json`, `events.jsonl`, `parameters.bin` with its tensor table `parameters.json`. */
export class RunFolder {
  readonly path: string;
  readonly #events: number;
  readonly #onWriteError: (error: Error) => void;
  #logging = true;

  /**
   * Makes the folder and opens its log.
   * @param onWriteError told once when the log can't be written any more (a full disk): training goes on without it.
   * @throws OperatorError when the folder exists with another run in it, or can't be made.
   */
  constructor(path: string, config: RunConfig, onWriteError: (error: Error) => void) {
    this.path = path;
    this.#onWriteError = onWriteError;
    try {
      mkdirSync(path, { recursive: true });
      // 'x' fails where a run has been before: nothing is overwritten.
      this.#events = openSync(join(path, 'events.jsonl'), 'ax');
      writeAtomically(join(path, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
    } catch (error) {
      throw explainFolder(error as NodeJS.ErrnoException, path);
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

/** Writes beside the target, flushes to the disk and renames: a reader sees the old file or the new one. */
function writeAtomically(path: string, content: string | Uint8Array): void {
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
