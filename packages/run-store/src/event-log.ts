import { closeSync, createReadStream, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { countOf } from '@convoy/protocol/event-words';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import type { RunEvent } from '@convoy/protocol/run-events';

export const EVENTS_FILE = 'events.jsonl';

/** What the log needs of a file that is open: a test's disk is full when it wants. */
export interface LogFile {
  /** Bytes in it. */
  readonly length: () => number;
  /** Appends, perhaps a part only. @returns how many bytes. */
  readonly append: (bytes: Uint8Array) => number;
  readonly truncate: (length: number) => void;
  readonly close: () => void;
}

/**
 * A run's events, a JSON line each. While the disk refuses, events are counted and lost, and training goes on; when it takes
 * them again, the event `log-gap` says how many are missing.
 */
export class EventLog {
  readonly #file: LogFile;
  readonly #onNote: (line: string) => void;
  /** Bytes of whole lines. */
  #length: number;
  /** Half a line may be behind them. */
  #isTorn = false;
  #lost = 0;
  #isClosed = false;

  /** @param onNote told in one line when events begin to be lost, and when they are written again. */
  constructor(file: LogFile, onNote: (line: string) => void) {
    this.#file = file;
    this.#length = file.length();
    this.#onNote = onNote;
  }

  append(event: RunEvent): void {
    if (this.#isClosed) return;
    const lost = this.#lost;
    const gap = lost === 0 ? '' : lineOf({ at: event.at, type: 'log-gap', lost });
    try {
      this.#write(Buffer.from(gap + lineOf(event)));
      this.#lost = 0;
    } catch (error) {
      this.#lost++;
      if (lost === 0) {
        this.#onNote(
          `can't write the run's log (${(error as Error).message}): training goes on without it until it can`,
        );
      }
      return;
    }
    if (lost > 0)
      this.#onNote(`the run's log goes on; ${countOf(lost, 'event')} ${lost === 1 ? 'is' : 'are'} missing in it`);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#file.close();
  }

  #write(bytes: Buffer): void {
    if (this.#isTorn) this.#file.truncate(this.#length);
    this.#isTorn = true;
    try {
      for (let done = 0; done < bytes.byteLength;) done += this.#file.append(bytes.subarray(done));
    } catch (error) {
      // Half a line would spoil the next. If it can't be cut off now, it is before the next is written.
      this.#file.truncate(this.#length);
      this.#isTorn = false;
      throw error;
    }
    this.#length += bytes.byteLength;
    this.#isTorn = false;
  }
}

/** @param file a descriptor open for appending and reading. */
export function openLogFile(file: number): LogFile {
  return {
    length: () => fstatSync(file).size,
    append: (bytes) => writeSync(file, bytes),
    truncate: (length) => ftruncateSync(file, length),
    close: () => closeSync(file),
  };
}

/** Whether a run wrote its first event there: before that it left nothing to go on with. */
export function hasBegun(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  try {
    return lengthOfWholeLines(file) > 0;
  } finally {
    closeSync(file);
  }
}

/** Opens a log without a last line that a crash cut short. @param flags as of {@link openSync}; by default it must exist. @throws the file system's error. */
export function reopenLog(path: string, flags: 'r+' | 'a+' = 'r+'): number {
  const file = openSync(path, flags);
  try {
    ftruncateSync(file, lengthOfWholeLines(file));
  } finally {
    closeSync(file);
  }
  // Readable, for the run's id; every write goes to the end.
  return openSync(path, 'a+');
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

/**
 * The id is in the first event, which a run writes before anything can be lost.
 * @param file a readable descriptor of the log. @param path of the run's folder.
 * @throws OperatorError when the log does not begin with it.
 */
export function runIdOf(file: number, path: string): string {
  const piece = Buffer.alloc(READ_BYTES);
  const [line] = piece.toString('utf8', 0, readSync(file, piece, 0, READ_BYTES, 0)).split('\n');
  const data = { exitCode: exitCodes.data };
  if (line === '') {
    throw new OperatorError(`the run in ${path} ended before it began: start it anew with --run-dir ${path}`, data);
  }
  try {
    const event = JSON.parse(line!) as Partial<RunEvent> | null;
    if (event?.type === 'run-started' && 'run' in event && typeof event.run === 'string') return event.run;
  } catch {
    // The same answer as for a line that is another event.
  }
  throw new OperatorError(`${path}/${EVENTS_FILE} does not begin with the run's start: it was changed`, data);
}

/** What an event must begin its line with to say who takes part, and since when. */
const IS_OF_MEMBERSHIP = /^\{"at":\d+,"type":"(?:worker-joined|worker-left|run-)/;

/**
 * The workers that took part when a run's last server was gone without a word: they look for the next one.
 * @param path of the log. @returns their ids; none when the run was ended, for then everybody was told.
 */
export async function workersLeftBehind(path: string): Promise<ReadonlySet<string>> {
  const workers = new Set<string>();
  for await (const line of createInterface({ input: createReadStream(path) })) {
    // A long run's log has few of them.
    if (!IS_OF_MEMBERSHIP.test(line)) continue;
    const event = JSON.parse(line) as RunEvent;
    if (event.type === 'worker-joined') workers.add(event.workerId);
    else if (event.type === 'worker-left') workers.delete(event.workerId);
    else if (event.type === 'run-ended') workers.clear();
  }
  return workers;
}

function lineOf(event: RunEvent): string {
  return `${JSON.stringify(event)}\n`;
}
