import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cacheDirectory, type Environment } from '@convoy/model/cache-directory';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { PROTOCOL_VERSION } from '@convoy/protocol/messages';
import {
  MAX_DESCRIPTION_BYTES,
  parseRunDescription,
  parseVersions,
  samplesFile,
  type DataFile,
  type RunDescription,
  type SamplesDescription,
  WORKLOAD_FILE,
} from '@convoy/protocol/run-description';
import { VERSION } from '@convoy/protocol/version';
import { cachedFiles, digestOf, type CachedFileOptions, type WantedFile } from '@convoy/transport/cached-file';
import { DoorClient, type Answer, type DoorAddress } from '@convoy/transport/door-client';
import { refusalError } from '@convoy/transport/refusal';
import { DEFAULT_BACKOFF, fullJitter } from '@convoy/transport/dial';
import { FetchError } from '@convoy/transport/fetch-file';
import { sourceOf } from '@convoy/workload/data-source';
import { hasCifar10 } from '@convoy/workload/open-workload';
import type { WorkerLog } from '../worker-session.ts';
import type { Provision, SampleSource } from './provision.ts';

export interface ProvideOptions {
  readonly address: DoorAddress;
  /** `--data-dir` and `--workload`: what this machine has it needs not fetch. */
  readonly own: { readonly dataDir?: string | undefined; readonly workload?: string | undefined };
  readonly environment: Environment;
  /** Whether code of the coordinator's may run here. */
  readonly allowWorkload: boolean;
  /** What fetched files may take on the disk; a data set that is larger is fetched as it is leased. */
  readonly cacheBytes: number;
  readonly signal: AbortSignal;
  /** What was fetched before the connection that was lost: it holds while the run is the same. */
  readonly last?: Provision;
  readonly log: WorkerLog;
  readonly onProgress?: CachedFileOptions['onProgress'];
}

/** Files that a worker fetches may take so much of its disk. */
export const DEFAULT_CACHE_BYTES = 8e9;
/** Leased samples are held in memory, never more than so many bytes of them. */
const MOST_HELD_BYTES = 256 * 1024 ** 2;

/**
 * Asks the coordinator what its run needs, and fetches what this machine lacks.
 * @param attempt how often it has been tried.
 * @throws OperatorError when it can't take part as it is: other versions, code that nobody has allowed, a full disk. FetchError when
 * the coordinator is not there or not ready; the signal's reason when aborted.
 */
export async function provide(options: ProvideOptions, attempt = 1): Promise<Provision> {
  const { address, own, signal, log } = options;
  const client = new DoorClient(address, attempt);
  const described = await describedBy(client, options);
  if (described === null) return withAddress(options.last!, address);
  const { description, etag } = described;
  if (description.version !== VERSION) {
    log(
      `the coordinator has Convoy ${description.version}, this worker ${VERSION}; to have the same: ${installing(description.version)}`,
      'note',
    );
  }
  const { data, workload } = description;
  if (workload !== null && own.workload === undefined) {
    const code = await workloadCode(client, workload, options);
    return { etag, workload: code, ...(data.kind === 'workload' && (await workloadData(client, data, options))) };
  }
  signal.throwIfAborted();
  return { etag, ...(data.kind === 'cifar10' && (await cifar10Data(client, data, options))) };
}

/** Asks for leased samples with the token of today. */
function withAddress(provision: Provision, address: DoorAddress): Provision {
  const { samples } = provision;
  if (samples?.from.kind !== 'coordinator') return provision;
  return { ...provision, samples: { ...samples, from: { ...samples.from, address } } };
}

/** {@link provide}, tried again until the coordinator is there. @param random spreads the attempts of many workers. */
export async function provideWhenThere(
  options: ProvideOptions,
  random: () => number,
  onRetry: (error: Error, attempt: number) => void,
): Promise<Provision> {
  const { signal } = options;
  let refusals = 0;
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await provide(options, attempt);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof FetchError)) throw error;
      onRetry(error, attempt);
      const isThere = error.status !== undefined || error.permanent;
      // An address that has failed too often is not asked for ever either.
      if (isThere && (error.permanent || error.status === 429) && ++refusals === MAX_REFUSALS) {
        throw new OperatorError(`the coordinator does not give what its run needs: ${error.message}`, {
          exitCode: error.status === 429 ? exitCodes.rejected : exitCodes.data,
          cause: error,
        });
      }
      const pauseMs = isThere
        ? Math.max(READY_SOON_MS, error.retryAfterMs ?? 0)
        : fullJitter(DEFAULT_BACKOFF, attempt, random);
      await delay(pauseMs, undefined, { signal });
    }
  }
}

/** A coordinator that answers will have its run ready before long. */
const READY_SOON_MS = 500;
/** Answers that would be the same again, unless another run is there by then. */
const MAX_REFUSALS = 10;

/** @returns null when it is what it was the last time. */
async function describedBy(
  client: DoorClient,
  { signal, address, last }: ProvideOptions,
): Promise<{ readonly description: RunDescription; readonly etag: string | undefined } | null> {
  let answer: Answer;
  try {
    answer = await client.read('/v1/run', MAX_DESCRIPTION_BYTES, signal, last?.etag);
  } catch (cause) {
    if (!(cause instanceof FetchError)) throw cause;
    const refusal = refusalError(
      { status: cause.status ?? 0, text: cause.message, retryAfterMs: null },
      address.url,
      'worker',
    );
    if (refusal !== null) throw refusal;
    if (cause.status === undefined || !cause.permanent) throw cause;
    throw new OperatorError(
      `the coordinator at ${address.url} does not say what its run needs (${cause.message}): it is another version of Convoy than this worker (${VERSION}), or no coordinator; install the same version on both`,
      { exitCode: exitCodes.rejected, cause },
    );
  }
  if (answer.status === 304) return null;
  const text = answer.body.toString('utf8');
  try {
    const { version, protocolVersion } = parseVersions(text);
    if (protocolVersion !== PROTOCOL_VERSION) {
      throw new OperatorError(
        `the coordinator has Convoy ${version} (protocol ${protocolVersion}), this worker ${VERSION} (protocol ${PROTOCOL_VERSION}): ${installing(version)}`,
        { exitCode: exitCodes.rejected },
      );
    }
    return { description: parseRunDescription(text), etag: answer.headers.etag };
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    throw new OperatorError(
      `what answers at ${address.url} is no coordinator of Convoy ${VERSION}: check the address`,
      {
        exitCode: exitCodes.rejected,
        cause,
      },
    );
  }
}

function installing(version: string): string {
  return `install it with "npm install tfjs-convoy@${version}", or start the worker as "npx tfjs-convoy@${version} worker …"`;
}

/** Where the workload's code lies, once it has been fetched. */
async function workloadCode(
  client: DoorClient,
  { name, code }: NonNullable<RunDescription['workload']>,
  options: ProvideOptions,
): Promise<string> {
  if ('refusal' in code) {
    throw new OperatorError(`the workload "${name}" can't be sent to this worker: ${code.refusal}`, {
      exitCode: exitCodes.data,
    });
  }
  if (!options.allowWorkload) {
    throw new OperatorError(
      `this run trains the workload "${name}", code of the coordinator's with the sha256 ${code.sha256}: --allow-workload runs it on this machine, as this user`,
      { exitCode: exitCodes.data },
    );
  }
  const file = { name: WORKLOAD_FILE, ...code, from: client.from('/v1/workload') };
  const folder = await fetched([file], code.sha256, options);
  return join(folder, WORKLOAD_FILE);
}

/** CIFAR-10, unless this machine has it. */
async function cifar10Data(
  client: DoorClient,
  { files, samples }: Extract<RunDescription['data'], { kind: 'cifar10' }>,
  options: ProvideOptions,
): Promise<Provision> {
  const { own, environment, cacheBytes } = options;
  if (hasCifar10({ dataDir: own.dataDir, environment })) return {};
  if (sizeOf(files) > cacheBytes) return { samples: leased(samples, options) };
  const wanted = files.map((file) => ({ ...file, from: client.from(dataPath(file.name)) }));
  return { dataDir: await fetched(wanted, samples.fingerprint, options) };
}

/** The files that the workload names, from where this machine reaches them; else its samples. */
async function workloadData(
  client: DoorClient,
  { files, samples }: Extract<RunDescription['data'], { kind: 'workload' }>,
  options: ProvideOptions,
): Promise<Provision> {
  if (files !== null && sizeOf(files) <= options.cacheBytes) {
    return { files: await workloadFiles(client, files, samples.fingerprint, options) };
  }
  const { train, test, recordBytes } = samples;
  const bytes = (train.count + test.count) * recordBytes;
  if (bytes > options.cacheBytes || train.sha256 === null || test.sha256 === null) {
    return { samples: leased(samples, options) };
  }
  const wanted = (['train', 'test'] as const).map((split) => ({
    name: samplesFile(split),
    bytes: samples[split].count * recordBytes,
    sha256: samples[split].sha256!,
    from: client.from(dataPath(samplesFile(split))),
  }));
  const folder = await fetched(wanted, samples.fingerprint, options);
  const [trainFile, testFile] = wanted.map(({ name }) => join(folder, name));
  return { samples: { description: samples, from: { kind: 'files', train: trainFile!, test: testFile! } } };
}

async function workloadFiles(
  client: DoorClient,
  files: readonly DataFile[],
  key: string,
  options: ProvideOptions,
): Promise<Readonly<Record<string, string>>> {
  const { environment, signal, log } = options;
  const paths: Record<string, string> = {};
  const missing: WantedFile[] = [];
  for (const file of files) {
    const source = await sourceOf(file.url, environment);
    if (source?.kind === 'path' && (await isTheSame(source.path, file, signal))) {
      paths[file.name] = source.path;
      continue;
    }
    missing.push({ ...file, from: client.from(dataPath(file.name)) });
    // From where every machine reaches it, and what can't be had there from the coordinator.
    if (source?.kind !== 'address') continue;
    try {
      await fetched([{ ...file, from: source.from }], key, options, { attempts: 2 });
    } catch (cause) {
      signal.throwIfAborted();
      log(
        `${file.name} can't be fetched from ${file.url} (${(cause as Error).message}); asking the coordinator for it`,
        'note',
      );
    }
  }
  if (missing.length === 0) return paths;
  const folder = await fetched(missing, key, options);
  for (const { name } of missing) paths[name] = join(folder, name);
  return paths;
}

async function isTheSame(path: string, { sha256 }: DataFile, signal: AbortSignal): Promise<boolean> {
  try {
    return (await digestOf(path, signal)) === sha256;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

function leased(description: SamplesDescription, { address, cacheBytes }: ProvideOptions): SampleSource {
  return { description, from: { kind: 'coordinator', address, holdBytes: Math.min(cacheBytes, MOST_HELD_BYTES) } };
}

function fetched(
  files: readonly WantedFile[],
  key: string,
  options: ProvideOptions,
  more: Pick<CachedFileOptions, 'attempts'> = {},
): Promise<string> {
  const { signal, cacheBytes, log, onProgress } = options;
  return cachedFiles(files, {
    cacheDir: cacheOf(options),
    key,
    limitBytes: cacheBytes,
    signal,
    onNote: (line) => log(line, 'note'),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...more,
  });
}

function cacheOf({ environment }: ProvideOptions): string {
  return cacheDirectory(environment, process.platform);
}

function dataPath(name: string): string {
  return `/v1/data/${encodeURIComponent(name)}`;
}

function sizeOf(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((total, { bytes }) => total + bytes, 0);
}
