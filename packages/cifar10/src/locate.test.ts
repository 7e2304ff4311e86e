import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { SMALL, archiveOf, smallEntries, temporaryDirectory, writeSmall } from './binary.fixture.ts';
import { dataOptionsFromEnvironment, openCifar10, openDataset } from './locate.ts';

/** A cache whose only source is a local archive. */
async function setUp() {
  const directory = await temporaryDirectory();
  const archive = join(directory, 'archive.tar.gz');
  await writeFile(archive, archiveOf(smallEntries()));
  const at = (name: string) => join(directory, name);
  return { at, options: { cacheDir: at('cache'), layout: SMALL, url: pathToFileURL(archive).href, download: true } };
}

test('a named folder comes before CIFAR10_DIR, the cache and the download', async () => {
  const { at, options } = await setUp();
  for (const name of ['named', 'environment', 'cache/cifar-10-batches-bin']) await writeSmall(at(name));
  const origin = async (more: object) => (await openCifar10({ ...options, ...more })).origin;
  const environmentDir = at('environment');
  expect(await origin({ dataDir: at('named'), environmentDir })).toBe(`CIFAR-10 in ${at('named')}`);
  expect(await origin({ environmentDir })).toBe(`CIFAR-10 in ${at('environment')}`);
  expect(await origin({ url: 'http://127.0.0.1:9/' })).toBe(`CIFAR-10 in ${at('cache/cifar-10-batches-bin')}`);
});

test('what is nowhere is downloaded, if that is allowed', async () => {
  const { at, options } = await setUp();
  await expect(openCifar10({ ...options, download: false })).rejects.toThrow(
    /is not in .*cifar-10-batches-bin, and downloading it is switched off.*--dataset synthetic/,
  );
  const dataset = await openDataset({ dataset: 'cifar10', ...options });
  expect(dataset).toMatchObject({
    name: 'cifar10',
    trainCount: 100,
    origin: `CIFAR-10 in ${at('cache/cifar-10-batches-bin')}`,
  });
});

test('a named folder without CIFAR-10 is an error, not a reason to look elsewhere', async () => {
  const { at, options } = await setUp();
  await writeSmall(at('environment'));
  await expect(openCifar10({ ...options, dataDir: at('nothing'), environmentDir: at('environment') })).rejects.toThrow(
    `--data-dir: ${at('nothing')} does not exist`,
  );
  await expect(openCifar10({ ...options, environmentDir: at('nothing') })).rejects.toThrow('CIFAR10_DIR: ');
});

test('a damaged cache is replaced by a download, and named when that is switched off', async () => {
  const { at, options } = await setUp();
  await writeSmall(at('cache/cifar-10-batches-bin'));
  await writeFile(at('cache/cifar-10-batches-bin/test_batch.bin'), 'x');
  await expect(openCifar10({ ...options, download: false })).rejects.toThrow(
    /test_batch\.bin is truncated.* Delete .*, or allow the download/,
  );
  const notes: string[] = [];
  expect((await openCifar10({ ...options, onNote: (message) => void notes.push(message) })).testCount).toBe(20);
  expect(notes).toEqual([expect.stringContaining('damaged')]);
});

test('the synthetic set needs no place', async () => {
  expect(await openDataset({ dataset: 'synthetic', seed: 1, trainCount: 10, testCount: 5 })).toMatchObject({
    name: 'synthetic',
    trainCount: 10,
    testCount: 5,
  });
});

test('environment variables become options, and an empty one counts as unset', () => {
  const environment = {
    CIFAR10_DIR: '/d',
    CONVOY_CIFAR10_URL: 'file:///a',
    CONVOY_CIFAR10_SHA256: '',
    CONVOY_CACHE_DIR: '/c',
  };
  expect(dataOptionsFromEnvironment(environment, 'linux')).toEqual({
    environmentDir: '/d',
    url: 'file:///a',
    sha256: undefined,
    cacheDir: '/c',
  });
});
