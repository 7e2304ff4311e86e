import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dataset, Split } from '@convoy/model/dataset';
import {
  RECORD_VERSION,
  recordBytes,
  recordLayout,
  RecordWriter,
  type RecordLayout,
} from '@convoy/model/sample-records';
import type { SamplesDescription } from '@convoy/protocol/run-description';
import type { ServedBytes } from '@convoy/transport/send-bytes';

/** Samples are read for so long at a time: then whatever else this process has to do comes first. */
const TURN_MS = 4;
/** Chunks are about so large. */
const CHUNK_BYTES = 256 * 1024;
/** Splits that are larger are not fetched whole, so nobody needs their digest. */
const WHOLE_BYTES = 4 * 1024 ** 3;

/** A data set as files of records that nobody has written: each record is read from the data set when it is asked for. */
export class SampleFiles {
  readonly #dataset: Dataset;
  readonly #layout: RecordLayout;
  readonly #writer: RecordWriter;
  readonly recordBytes: number;

  constructor(dataset: Dataset) {
    this.#dataset = dataset;
    this.#layout = recordLayout(dataset);
    this.#writer = new RecordWriter(dataset, this.#layout);
    this.recordBytes = recordBytes(this.#layout);
  }

  /** @param isFetchedWhole whether workers may fetch whole splits, and need their digests: all samples are read for them. */
  async describe(isFetchedWhole: boolean): Promise<SamplesDescription> {
    const { name, classNames, fingerprint } = this.#dataset;
    const { inputShape, inputType, values } = this.#layout;
    const split = async (which: Split) => ({
      count: this.#count(which),
      sha256: isFetchedWhole && this.#bytes(which) <= WHOLE_BYTES ? await this.#sha256(which) : null,
    });
    return {
      name,
      inputShape: [...inputShape],
      inputType,
      classNames: [...classNames],
      values,
      fingerprint,
      recordBytes: this.recordBytes,
      train: await split('train'),
      test: await split('test'),
    };
  }

  /** All records of a split, one after another. */
  file(split: Split): ServedBytes {
    const { fingerprint } = this.#dataset;
    return {
      bytes: this.#bytes(split),
      digest: `${fingerprint}-${split}-${RECORD_VERSION}`,
      type: 'application/octet-stream',
      read: (start, end) => this.#read(split, start, end),
    };
  }

  /** Some records of a split, in the order of the indices. @throws RangeError when there is no such sample. */
  async records(split: Split, indices: readonly number[]): Promise<Uint8Array> {
    const count = this.#count(split);
    const strange = indices.find((index) => index >= count);
    if (strange !== undefined) throw new RangeError(`${split} has samples 0 to ${count - 1}, not ${strange}`);
    const bytes = new Uint8Array(indices.length * this.recordBytes);
    let turnMs = performance.now();
    for (const [at, index] of indices.entries()) {
      this.#writer.write(split, index, bytes, at * this.recordBytes);
      turnMs = await giveWay(turnMs);
    }
    return bytes;
  }

  async #sha256(split: Split): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of this.#read(split, 0, this.#bytes(split))) hash.update(chunk);
    return hash.digest('hex');
  }

  async *#read(split: Split, start: number, end: number): AsyncGenerator<Uint8Array> {
    const size = this.recordBytes;
    const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / size));
    let turnMs = performance.now();
    for (let first = Math.floor(start / size); first * size < end; first += perChunk) {
      const last = Math.min(first + perChunk, Math.ceil(end / size));
      const chunk = new Uint8Array((last - first) * size);
      for (let index = first; index < last; index++) {
        this.#writer.write(split, index, chunk, (index - first) * size);
        turnMs = await giveWay(turnMs);
      }
      yield chunk.subarray(Math.max(0, start - first * size), Math.min(chunk.length, end - first * size));
    }
  }

  #count(split: Split): number {
    return split === 'train' ? this.#dataset.trainCount : this.#dataset.testCount;
  }

  #bytes(split: Split): number {
    return this.#count(split) * this.recordBytes;
  }
}

/** @param sinceMs when this turn began. @returns when the present one did. */
async function giveWay(sinceMs: number): Promise<number> {
  if (performance.now() - sinceMs < TURN_MS) return sinceMs;
  await nextTurn();
  return performance.now();
}
