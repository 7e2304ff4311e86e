import { accessSync, constants } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { cacheDirectory } from '@convoy/model/cache-directory';
import type { DataFile } from '@convoy/model/dataset';
import type { DataOptions } from '@convoy/model/loaded-workload';
import type { WorkloadFile } from '@convoy/model/workload';
import { cachedFiles } from '@convoy/transport/cached-file';
import { sourceOf } from './data-source.ts';

/** They are also names of files in a cache, and parts of addresses. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;
/** Names that the samples themselves have. */
const TAKEN = new Set(['train.samples', 'test.samples']);
const ADDRESS = /^(https?|s3):\/\//;

/** What is wrong with a workload's files; null for nothing. */
export function faultOfFiles(files: unknown): string | null {
  if (files === undefined) return null;
  if (typeof files !== 'object' || files === null) return 'files must be an object: a path or an address by a name';
  for (const [name, file] of Object.entries(files) as [string, unknown][]) {
    if (!NAME.test(name) || TAKEN.has(name))
      return `files: "${name}" must be of letters, digits, dots, hyphens and underscores`;
    if (typeof file === 'string') {
      if (!ADDRESS.test(file)) continue;
      return `files: ${name} is an address: give it with the digest of what is there, { url: '${file}', sha256: '…' } ("sha256sum FILE" prints it)`;
    }
    const { url, sha256 } = (file ?? {}) as Partial<Exclude<WorkloadFile, string>>;
    if (typeof url !== 'string' || !ADDRESS.test(url))
      return `files: ${name} must be a path, or { url, sha256 } with https://… or s3://BUCKET/KEY`;
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
      return `files: ${name} needs its sha256, 64 hexadecimal digits`;
  }
  return null;
}

/**
 * Finds a workload's files on this machine; what is at an address is downloaded into the cache, unless it is there.
 * @param workload the path of the workload's file.
 * @throws Error naming the file that is not there; what the download throws.
 */
export async function openFiles(
  workload: string,
  files: Readonly<Record<string, WorkloadFile>>,
  options: DataOptions,
): Promise<readonly DataFile[]> {
  const found: DataFile[] = [];
  for (const [name, file] of Object.entries(files)) {
    const place = typeof file === 'string' ? file : file.url;
    const given = options.files?.[name];
    if (given !== undefined) found.push({ name, path: given, url: null });
    else if (typeof file === 'string') {
      const path = resolve(dirname(workload), file);
      accessSync(path, constants.R_OK);
      found.push({ name, path, url: isAbsolute(place) ? place : null });
    } else found.push({ name, path: await download(name, file, options), url: place });
  }
  return found;
}

async function download(
  name: string,
  { url, sha256 }: Exclude<WorkloadFile, string>,
  { environment, signal = new AbortController().signal, onProgress }: DataOptions,
): Promise<string> {
  const source = await sourceOf(url, environment);
  if (source?.kind !== 'address') throw new Error(`${url} is no address`);
  const folder = await cachedFiles([{ name, bytes: undefined, sha256, from: source.from }], {
    cacheDir: cacheDirectory(environment, process.platform),
    key: createHash('sha256').update(`${url}\n${sha256}`).digest('hex'),
    limitBytes: Infinity,
    attempts: 5,
    signal,
    onNote: () => {},
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  return join(folder, name);
}
