import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { RunEvent } from '@convoy/protocol/run-events';

const POLL_MS = 100;

/** Reads a run's log as it grows, across restarts of whoever writes it. */
export class EventTail {
  readonly events: RunEvent[] = [];
  readonly #path: string;
  readonly #onEvent: (event: RunEvent) => void;
  readonly #timer: NodeJS.Timeout;
  #file: number | null = null;
  /** Bytes of whole lines read so far: half a line is cut off when a run is resumed. */
  #offset = 0;

  constructor(path: string, onEvent: (event: RunEvent) => void) {
    this.#path = path;
    this.#onEvent = onEvent;
    this.#timer = setInterval(() => this.read(), POLL_MS);
  }

  /** Reads what has been written since the last time. */
  read(): void {
    try {
      this.#file ??= openSync(this.#path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    const bytes = Buffer.alloc(Math.max(0, fstatSync(this.#file).size - this.#offset));
    const whole = bytes.subarray(0, readSync(this.#file, bytes, 0, bytes.length, this.#offset)).lastIndexOf('\n') + 1;
    this.#offset += whole;
    for (const line of bytes.toString('utf8', 0, whole).split('\n')) {
      if (line === '') continue;
      const event = JSON.parse(line) as RunEvent;
      this.events.push(event);
      this.#onEvent(event);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.read();
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}
