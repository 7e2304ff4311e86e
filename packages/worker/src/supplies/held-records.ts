import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Split } from '@convoy/model/dataset';
import type { DoorClient } from '@convoy/transport/door-client';

export interface HeldRecordsOptions {
  readonly client: Pick<DoorClient, 'read'>;
  readonly recordBytes: number;
  /** Bytes of records to hold; a single micro-batch may need more. */
  readonly holdBytes: number;
  readonly pauseMs?: number;
}

/** Records that one request asks for. */
const PER_REQUEST = 256;
const BYTES_PER_REQUEST = 4 * 1024 * 1024;
const PAUSE_MS = 500;
const NO_SIGNAL = new AbortController().signal;

/** Samples of the coordinator's in this process's memory: those that were asked for last. */
export class HeldRecords {
  readonly #options: HeldRecordsOptions;
  /** By split and index; those asked for last come last. */
  readonly #records = new Map<string, Uint8Array>();
  readonly #coming = new Map<string, Promise<void>>();

  constructor(options: HeldRecordsOptions) {
    this.#options = options;
  }

  /** @throws Error for a record that is not held. */
  recordOf(split: Split, index: number): Uint8Array {
    const record = this.#records.get(keyOf(split, index));
    if (record === undefined) throw new Error(`sample ${index} of ${split} is read and was not asked for`);
    return record;
  }

  /** Has these records at hand: fetches those that are neither here nor on their way, and tries again for as long as they are wanted. */
  async hold(split: Split, indices: Int32Array, isWanted: () => boolean): Promise<void> {
    const missing: number[] = [];
    const awaited: Promise<void>[] = [];
    for (const index of new Set(indices)) {
      const key = keyOf(split, index);
      const record = this.#records.get(key);
      const coming = this.#coming.get(key);
      if (record !== undefined) {
        this.#records.delete(key);
        this.#records.set(key, record);
      } else if (coming !== undefined) awaited.push(coming);
      else missing.push(index);
    }
    const { recordBytes } = this.#options;
    const perRequest = Math.max(1, Math.min(PER_REQUEST, Math.floor(BYTES_PER_REQUEST / recordBytes)));
    missing.sort((a, b) => a - b);
    for (let at = 0; at < missing.length; at += perRequest) {
      awaited.push(this.#fetch(split, missing.slice(at, at + perRequest), isWanted));
    }
    await Promise.all(awaited);
    this.#makeRoom(indices.length);
    // What came for somebody else may have made room for what came after it.
    if (indices.some((index) => !this.#records.has(keyOf(split, index)))) await this.hold(split, indices, isWanted);
  }

  #fetch(split: Split, indices: readonly number[], isWanted: () => boolean): Promise<void> {
    const fetching = this.#fetchAll(split, indices, isWanted).finally(() => {
      for (const index of indices) this.#coming.delete(keyOf(split, index));
    });
    for (const index of indices) this.#coming.set(keyOf(split, index), fetching);
    return fetching;
  }

  async #fetchAll(split: Split, indices: readonly number[], isWanted: () => boolean): Promise<void> {
    const { client, recordBytes, pauseMs = PAUSE_MS } = this.#options;
    const path = `/v1/data/${split}.samples?records=${indices.join(',')}`;
    const bytes = indices.length * recordBytes;
    for (;;) {
      if (!isWanted()) throw new Error('the samples are not wanted any more');
      try {
        const { headers, body } = await client.read(path, bytes, NO_SIGNAL);
        if (body.length === bytes && isDigest(headers['content-digest'], body)) {
          for (const [at, index] of indices.entries()) {
            // Copied: a view would keep the whole answer in memory.
            const record = new Uint8Array(body.subarray(at * recordBytes, (at + 1) * recordBytes));
            this.#records.set(keyOf(split, index), record);
          }
          return;
        }
      } catch {
        // The coordinator may be away, or busy, or another run's by now: whoever talks to it says when this is not wanted any more.
      }
      await delay(pauseMs);
    }
  }

  #makeRoom(inUse: number): void {
    const { holdBytes, recordBytes } = this.#options;
    const most = Math.max(inUse, Math.floor(holdBytes / recordBytes));
    for (const key of this.#records.keys()) {
      if (this.#records.size <= most) return;
      this.#records.delete(key);
    }
  }
}

/** RFC 9530; an answer without one is taken for damaged. */
function isDigest(header: string | string[] | undefined, body: Buffer): boolean {
  return header === `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
}

function keyOf(split: Split, index: number): string {
  return `${split} ${index}`;
}
