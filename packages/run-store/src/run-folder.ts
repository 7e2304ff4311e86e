import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createHash } from 'node:crypto';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { makeFolders } from '@convoy/protocol/make-folders';
import { fileError } from '@convoy/protocol/file-error';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunEvent } from '@convoy/protocol/run-events';
import { float32Bytes, type TensorTable } from '@convoy/protocol/tensor';
import { checkConfig } from '@convoy/training/config';
import { CHECKPOINTS_FOLDER } from './checkpoint.ts';
import { EVENTS_FILE, EventLog, hasBegun, openLogFile, reopenLog, runIdOf } from './event-log.ts';
import { probeFolder } from './probe-folder.ts';
import { assertIdentity, bindIdentity } from './run-identity.ts';
import { writeAtomically } from './write-atomically.ts';

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
  readonly #log: EventLog;

  /**
   * Makes the folder of a new run and opens its log. The run's lock must be held where others may take the same folder.
   * @param onNote told in one line when the log can't be written (a full disk) and when it can again: training goes on.
   * @param options `run` is the new run's id, which binds its configuration: a later change is noticed. `events` is an open
   * log of a run that exists: {@link RunFolder.reopen} has one.
   * @throws OperatorError when the folder exists with another run in it, or can't be made.
   */
  constructor(
    path: string,
    config: RunConfig,
    onNote: (line: string) => void,
    {
      run = null,
      events = createFolder(path, run, config),
    }: { readonly run?: string | null; readonly events?: number } = {},
  ) {
    this.path = path;
    this.#log = new EventLog(openLogFile(events), onNote);
  }

  /**
   * The folder of a run that is to go on. A last line of its log that a crash cut short is removed; the events after the
   * checkpoint stay, for they happened. The run's lock must be held.
   * @returns `run` is the run's id, `config` what decides its result.
   * @throws OperatorError when it is no run's folder, or its files can't be read or are not what they were.
   */
  static reopen(
    path: string,
    onNote: (line: string) => void,
  ): { readonly folder: RunFolder; readonly run: string; readonly config: RunConfig } {
    const config = readConfig(path);
    assertIdentity(path, config);
    let events: number;
    try {
      events = reopenLog(join(path, EVENTS_FILE));
    } catch (error) {
      throw fileError(error, `can't go on with the run in ${path}`, { exitCode: exitCodes.data });
    }
    try {
      const run = runIdOf(events, path);
      return { folder: new RunFolder(path, config, onNote, { events }), run, config };
    } catch (error) {
      closeSync(events);
      throw error;
    }
  }

  /**
   * Puts another configuration in place of the run's: one that agrees with all that the run has done.
   * @throws OperatorError when the disk refuses.
   */
  saveConfig(run: string, config: RunConfig): void {
    try {
      writeConfig(this.path, run, config);
    } catch (error) {
      throw fileError(error, `can't write to the run's folder ${this.path}`);
    }
  }

  /** Appends one line. */
  log(event: RunEvent): void {
    this.#log.append(event);
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
      throw fileError(error, `can't write the parameters to ${this.path}`);
    }
  }

  close(): void {
    this.#log.close();
  }
}

/**
 * The configuration that a run's folder holds.
 * @throws OperatorError when the folder is no run's, or the configuration is not what this version of Convoy reads.
 */
export function readConfig(path: string): RunConfig {
  const file = join(path, CONFIG_FILE);
  const wrong = (what: string, cause: unknown) => new OperatorError(what, { exitCode: exitCodes.data, cause });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw wrong(`${path} is no run's folder: it has no config.json`, error);
    throw fileError(error, `can't read ${file}`, { exitCode: exitCodes.data });
  }
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw wrong(`${file} is not JSON: it was changed or cut`, error);
  }
  try {
    return checkConfig(withoutNotes(config));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw wrong(`${file} is not a configuration of this version of Convoy: ${error.message}`, error);
  }
}

/** What `config.json` says beside the configuration. */
const WORKLOAD_DIGEST = '$workloadSha256';

function withoutNotes(config: unknown): unknown {
  if (typeof config !== 'object' || config === null) return config;
  const { [WORKLOAD_DIGEST]: _, ...settings } = config as Record<string, unknown>;
  return settings;
}

/** The digest of the workload's code in a run's `config.json`; undefined where none was noted. */
export function workloadDigestIn(path: string): string | undefined {
  try {
    const noted = (JSON.parse(readFileSync(join(path, CONFIG_FILE), 'utf8')) as Record<string, unknown>)[
      WORKLOAD_DIGEST
    ];
    return typeof noted === 'string' ? noted : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Notes in a run's `config.json` which code of its workload workers were given. It is no part of the configuration: it decides nothing.
 * The run's lock must be held.
 * @throws OperatorError when the run's configuration can't be read; the file system's error when it can't be written.
 */
export function noteWorkload(path: string, sha256: string): void {
  if (workloadDigestIn(path) !== sha256) writeConfigFile(path, readConfig(path), sha256);
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
    throw fileError(cause, `can't read ${file}`, { exitCode: exitCodes.data });
  }
  try {
    return runIdOf(events, path);
  } finally {
    closeSync(events);
  }
}

/**
 * Makes the directory for a new run, so that its lock can be taken. Only its owner may look into one that is made here: what
 * a run keeps tells of its data.
 * @throws OperatorError when there is a run in it or somebody else's configuration, or it can't be made or written to.
 */
export function makeRunDirectory(path: string): void {
  try {
    makeFolders(resolve(path), 0o700);
    if (holdsRun(path)) {
      throw new OperatorError(`${path} already holds a run: choose another folder with --run-dir`);
    }
    if (holdsForeignConfig(path)) {
      throw new OperatorError(
        `${join(path, CONFIG_FILE)} is no run's and would be overwritten: choose another folder with --run-dir`,
      );
    }
  } catch (error) {
    throw fileError(error, `can't make the run's folder ${path}`, { remedy: ANOTHER_FOLDER });
  }
  assertWritable(path);
}

/**
 * Finds out before any training whether a run can be saved where it is to be.
 * @throws OperatorError when nothing can be written to its folder or to that of its checkpoints.
 */
export function assertWritable(path: string): void {
  for (const folder of [path, join(path, CHECKPOINTS_FOLDER)]) {
    if (!existsSync(folder)) continue;
    try {
      probeFolder(folder);
    } catch (error) {
      throw fileError(error, `can't write to the run's folder ${folder}`, { remedy: ANOTHER_FOLDER });
    }
  }
}

/** Whether there is a configuration that no run has written: of a run that crashed at its start there is a log as well, or all settings. */
function holdsForeignConfig(path: string): boolean {
  if (existsSync(join(path, EVENTS_FILE)) || !existsSync(join(path, CONFIG_FILE))) return false;
  try {
    readConfig(path);
    return false;
  } catch {
    return true;
  }
}

/** Whether a run was started in a folder: its first event is written. */
export function holdsRun(path: string): boolean {
  return hasBegun(join(path, EVENTS_FILE));
}

const CONFIG_FILE = 'config.json';
const ANOTHER_FOLDER = 'mend that, or choose another folder with --run-dir';

/**
 * A crash may come between any two of these lines: until the run's first event is written, the folder is a new run's, and
 * all of it is made again.
 * @returns the new log.
 */
function createFolder(path: string, run: string | null, config: RunConfig): number {
  makeRunDirectory(path);
  try {
    const events = reopenLog(join(path, EVENTS_FILE), 'a+');
    writeConfig(path, run, config);
    return events;
  } catch (error) {
    throw fileError(error, `can't write to the run's folder ${path}`, { remedy: ANOTHER_FOLDER });
  }
}

/** @param run to which the configuration is bound; null binds it to none. */
function writeConfig(path: string, run: string | null, config: RunConfig): void {
  writeConfigFile(path, config, workloadDigestIn(path));
  if (run !== null) bindIdentity(path, run, config);
}

function writeConfigFile(path: string, config: RunConfig, workloadSha256: string | undefined): void {
  const noted = { ...config, [WORKLOAD_DIGEST]: workloadSha256 };
  writeAtomically(join(path, CONFIG_FILE), `${JSON.stringify(noted, null, 2)}\n`);
}
