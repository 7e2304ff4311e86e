import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { SMALL, archiveOf, smallEntries, smallFile, temporaryDirectory, type TarEntry } from './binary.fixture.ts';
import { BINARY_FILES } from './binary.ts';
import { ArchiveError, unpackArchive } from './unpack-archive.ts';

async function unpack(archive: Uint8Array): Promise<string> {
  const directory = await temporaryDirectory();
  const file = join(directory, 'archive');
  await writeFile(file, archive);
  await unpackArchive(file, join(directory, 'unpacked'), SMALL);
  return join(directory, 'unpacked');
}

async function refusal(archive: Uint8Array): Promise<string> {
  const cause = await unpack(archive).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(cause).toBeInstanceOf(ArchiveError);
  return (cause as ArchiveError).message;
}

test('unpacks the data files and nothing else, into one flat folder', async () => {
  const unpacked = await unpack(archiveOf(smallEntries()));
  expect((await readdir(unpacked)).sort()).toEqual([...BINARY_FILES, 'batches.meta.txt'].sort());
  for (const name of BINARY_FILES) {
    expect(Buffer.compare(await readFile(join(unpacked, name)), smallFile(name))).toBe(0);
  }
});

test('unpacks an archive that is not compressed', async () => {
  expect(await readdir(await unpack(gunzipSync(archiveOf(smallEntries()))))).toHaveLength(7);
});

test.each<[fault: string, entry: TarEntry, message: string]>([
  ['a path with ..', { path: '../data_batch_1.bin' }, '../data_batch_1.bin, which leads out of its folder'],
  ['.. inside a path', { path: 'a/../../evil' }, 'leads out of its folder'],
  ['an absolute path', { path: '/tmp/data_batch_1.bin' }, 'leads out of its folder'],
  ['a Windows drive', { path: 'C:\\data_batch_1.bin' }, 'leads out of its folder'],
  [
    'a symbolic link',
    { path: 'cifar-10-batches-bin/data_batch_1.bin', type: 'SymbolicLink', linkpath: '/etc/passwd' },
    'data_batch_1.bin, a SymbolicLink to /etc/passwd instead of a file',
  ],
  ['a hard link', { path: 'x', type: 'Link', linkpath: 'data_batch_1.bin' }, 'x, a Link to data_batch_1.bin'],
  ['a device', { path: 'tty', type: 'CharacterDevice' }, 'tty, a CharacterDevice'],
  ['a file of another length', { path: 'test_batch.bin', content: Buffer.alloc(99) }, 'expected 61460 bytes, found 99'],
  ['a data file twice', smallEntries()[1]!, 'holds data_batch_1.bin twice'],
])('refuses an archive with %s', async (_, entry, message) => {
  const entries = smallEntries();
  // Before or after the good ones.
  expect(await refusal(archiveOf([...entries, entry]))).toContain(message);
  if (!message.endsWith('twice')) expect(await refusal(archiveOf([entry, ...entries]))).toContain(message);
});

test('refuses an archive that is cut, whether compressed or not, and one that is none', async () => {
  const archive = archiveOf(smallEntries());
  expect(await refusal(archive.subarray(0, archive.length - 20))).toContain('the archive is damaged');
  expect(await refusal(archive.subarray(0, archive.length / 2))).toContain('the archive is damaged');
  expect(await refusal(gunzipSync(archive).subarray(0, 100_000))).toContain('the archive is damaged');
  expect(await refusal(Buffer.from('<html>Please log in</html>'.repeat(100)))).toContain('the archive is damaged');
  expect(await refusal(Buffer.alloc(0))).toContain('the archive is damaged');
  const flipped = Buffer.from(archive);
  flipped[flipped.length >> 1]! ^= 0xff;
  await expect(unpack(flipped)).rejects.toThrow(ArchiveError);
});

test('stops with the signal', async () => {
  const directory = await temporaryDirectory();
  const file = join(directory, 'archive');
  await writeFile(file, archiveOf(smallEntries()));
  await expect(unpackArchive(file, join(directory, 'unpacked'), SMALL, AbortSignal.abort())).rejects.toThrow(/abort/i);
});
