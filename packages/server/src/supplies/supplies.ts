import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Dataset, Split } from '@convoy/model/dataset';
import { PROTOCOL_VERSION } from '@convoy/protocol/messages';
import type { RunConfig } from '@convoy/protocol/run-config';
import { samplesFile, type DataFile, type RunDescription } from '@convoy/protocol/run-description';
import { VERSION } from '@convoy/protocol/version';
import { digestOf } from '@convoy/transport/cached-file';
import type { ServedBytes } from '@convoy/transport/send-bytes';
import type { BundledWorkload } from '@convoy/workload/bundle-workload';
import { SampleFiles } from './sample-files.ts';

/** The code of a run's workload, or why there is none to send; null where Convoy brings the workload. */
export type WorkloadCode = BundledWorkload | { readonly refusal: string } | null;

export interface SuppliesOptions {
  readonly run: string;
  readonly config: RunConfig;
  readonly dataset: Dataset;
  readonly code: WorkloadCode;
}

/** What a run's coordinator gives to machines that have nothing of it: descriptions, the workload's code, and the data. */
export class Supplies {
  readonly #options: SuppliesOptions;
  readonly #samples: SampleFiles;
  #files: Promise<readonly DataFile[] | null> | null = null;
  #description: Promise<RunDescription> | null = null;

  constructor(options: SuppliesOptions) {
    this.#options = options;
    this.#samples = new SampleFiles(options.dataset);
  }

  /** Tells this run and its code from others, before anything is digested. */
  get etag(): string {
    const { run, code } = this.#options;
    return `"${run}.${code !== null && 'sha256' in code ? code.sha256 : ''}"`;
  }

  /** Made when it is first asked for: digests take a while. */
  describe(): Promise<RunDescription> {
    this.#description ??= this.#describe();
    // What failed may go better next time.
    this.#description.catch(() => (this.#description = null));
    return this.#description;
  }

  /** The workload's code; null where there is none to send. */
  get code(): ServedBytes | null {
    const { code } = this.#options;
    if (code === null || 'refusal' in code) return null;
    return {
      bytes: code.code.length,
      digest: code.sha256,
      type: 'text/javascript; charset=utf-8',
      read: (start, end) => once(code.code.subarray(start, end)),
    };
  }

  /** A file of the data set, or all records of a split; null when it has none of that name. */
  async file(name: string): Promise<ServedBytes | null> {
    const split = splitOf(name);
    if (split !== null) return this.#samples.file(split);
    const file = (await this.#digested())?.find((each) => each.name === name);
    const path = this.#options.dataset.files?.find((each) => each.name === name)?.path;
    if (file === undefined || path === undefined) return null;
    return {
      bytes: file.bytes,
      digest: file.sha256,
      type: 'application/octet-stream',
      read: (start, end) => createReadStream(path, { start, end: end - 1, highWaterMark: FILE_CHUNK_BYTES }),
    };
  }

  /** Some records of a split, see {@link SampleFiles.records}. */
  records(split: Split, indices: readonly number[]): Promise<Uint8Array> {
    return this.#samples.records(split, indices);
  }

  get recordBytes(): number {
    return this.#samples.recordBytes;
  }

  async #describe(): Promise<RunDescription> {
    const { run, config, code } = this.#options;
    const { dataset } = config;
    const files = await this.#digested();
    const workload =
      dataset.name !== 'workload' || code === null ? null : { name: dataset.workload, code: codeOf(code) };
    const about = { version: VERSION, protocolVersion: PROTOCOL_VERSION, run, workload };
    if (dataset.name === 'synthetic') return { ...about, data: { kind: 'drawn' } };
    if (dataset.name === 'cifar10') {
      const samples = await this.#samples.describe(false);
      return { ...about, data: { kind: 'cifar10', files: [...(files ?? [])], samples } };
    }
    const samples = await this.#samples.describe(files === null);
    return { ...about, data: { kind: 'workload', files: files === null ? null : [...files], samples } };
  }

  #digested(): Promise<readonly DataFile[] | null> {
    this.#files ??= digestFiles(this.#options.dataset);
    this.#files.catch(() => (this.#files = null));
    return this.#files;
  }
}

const FILE_CHUNK_BYTES = 256 * 1024;

function codeOf(code: NonNullable<WorkloadCode>) {
  return 'refusal' in code ? code : { bytes: code.code.length, sha256: code.sha256 };
}

async function digestFiles({ files }: Dataset): Promise<readonly DataFile[] | null> {
  if (files === undefined) return null;
  const digested: DataFile[] = [];
  for (const { name, path, url } of files) {
    const { size } = await stat(path);
    const sha256 = await digestOf(path);
    if (sha256 === null) throw new Error(`${path} has been removed`);
    digested.push({ name, bytes: size, sha256, url });
  }
  return digested;
}

/** The split whose records a file holds; null for other files. */
export function splitOf(name: string): Split | null {
  return (['train', 'test'] as const).find((split) => samplesFile(split) === name) ?? null;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
