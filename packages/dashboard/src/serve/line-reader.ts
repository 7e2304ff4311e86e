import { open, stat, type FileHandle } from 'node:fs/promises';

/** Whole lines of a log, one after another. */
export interface Lines {
  /** The number of the last of them; the log's first line is 0. */
  readonly last: number;
  /** Without the end of the last one. */
  readonly text: string;
}

/** So much is read at a time: what a viewer who reads slowly holds of the log in memory. */
const READ_BYTES = 64 * 1024;
/** A log's lines are shorter by far. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const NEWLINE = 10;

/** A log's line has no end for so long that it is none of ours. */
export class EndlessLineError extends Error {}

/** Reads a log from one of its lines on, while it may still be written. Only lines that are whole are returned. */
export class LineReader {
  readonly #file: FileHandle;
  readonly #path: string;
  /** Lines that are left out at the beginning. */
  #toSkip: number;
  #next = 0;
  /** Bytes of whole lines read. */
  #offset = 0;
  #buffer = Buffer.allocUnsafe(READ_BYTES);

  private constructor(file: FileHandle, path: string, from: number) {
    this.#file = file;
    this.#path = path;
    this.#toSkip = from;
  }

  /** @param from the number of the first line to return. @throws the file system's error. */
  static async open(path: string, from: number): Promise<LineReader> {
    return new LineReader(await open(path, 'r'), path, from);
  }

  /** @returns the lines that follow; null while there is none that is whole. @throws EndlessLineError */
  async next(): Promise<Lines | null> {
    for (;;) {
      const { bytesRead } = await this.#file.read(this.#buffer, 0, this.#buffer.length, this.#offset);
      const read = this.#buffer.subarray(0, bytesRead);
      const end = read.lastIndexOf(NEWLINE);
      if (end < 0) {
        if (bytesRead < this.#buffer.length) return null;
        if (bytesRead >= MAX_LINE_BYTES) throw new EndlessLineError(`a line has more than ${MAX_LINE_BYTES} bytes`);
        this.#buffer = Buffer.allocUnsafe(2 * this.#buffer.length);
        continue;
      }
      this.#offset += end + 1;
      const lines = this.#take(read.subarray(0, end));
      if (lines !== null) return lines;
    }
  }

  /** The log's first line, wherever the reader is; null while it is not whole. */
  async firstLine(): Promise<string | null> {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, 0);
    const end = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
    return end < 0 ? null : buffer.toString('utf8', 0, end);
  }

  /** Whether another log is at this place now, or none, or this one is shorter than what was read of it. */
  async isReplaced(): Promise<boolean> {
    const [own, there] = await Promise.all([this.#file.stat(), stat(this.#path).catch(() => null)]);
    return there === null || there.ino !== own.ino || own.size < this.#offset;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Counts lines, and returns those that are wanted. */
  #take(read: Buffer): Lines | null {
    let start = 0;
    let count = 1;
    for (let at = read.indexOf(NEWLINE); at >= 0; at = read.indexOf(NEWLINE, at + 1)) {
      if (count === this.#toSkip) start = at + 1;
      count++;
    }
    this.#next += count;
    const skipped = Math.min(count, this.#toSkip);
    this.#toSkip -= skipped;
    if (skipped === count) return null;
    return { last: this.#next - 1, text: read.toString('utf8', start) };
  }
}
