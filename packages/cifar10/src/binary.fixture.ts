import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { randomStream } from '@convoy/numerics/random/stream';
import { Header, type HeaderData } from 'tar';
import { BINARY_DIRECTORY, BINARY_FILES, RECORD_BYTES, type BinaryLayout } from './binary.ts';

export { temporaryDirectory } from '@convoy/transport/temporary-directory.fixture';

/** CIFAR-10's layout with files of 61 KB, for tests. */
export const SMALL: BinaryLayout = { recordsPerFile: 20 };
export const SMALL_FILE_BYTES = SMALL.recordsPerFile * RECORD_BYTES;

/** The bytes of one small file: label = record % 10, pixels that don't compress. */
export function smallFile(name: string): Uint8Array {
  const chance = randomStream(1, BINARY_FILES.indexOf(name));
  const bytes = new Uint8Array(SMALL_FILE_BYTES);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = at % RECORD_BYTES === 0 ? (at / RECORD_BYTES) % 10 : chance.uint32();
  }
  return bytes;
}

/** Writes the six small files into `directory`. */
export async function writeSmall(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const name of BINARY_FILES) await writeFile(join(directory, name), smallFile(name));
}

export interface TarEntry {
  readonly path: string;
  readonly type?: NonNullable<HeaderData['type']>;
  readonly linkpath?: string;
  readonly content?: Uint8Array;
}

/** The entries of the official archive, with small files. */
export function smallEntries(): TarEntry[] {
  return [
    { path: `${BINARY_DIRECTORY}/`, type: 'Directory' },
    ...BINARY_FILES.map((name) => ({ path: `${BINARY_DIRECTORY}/${name}`, content: smallFile(name) })),
    { path: `${BINARY_DIRECTORY}/batches.meta.txt`, content: Buffer.from('airplane\n') },
    { path: `${BINARY_DIRECTORY}/readme.html`, content: Buffer.from('<html></html>') },
  ];
}

/** A gzipped tar archive of these very entries, hostile ones included. */
export function archiveOf(entries: readonly TarEntry[]): Buffer {
  const blocks: Uint8Array[] = [];
  for (const { path, type = 'File', linkpath, content = new Uint8Array(0) } of entries) {
    const header = new Header({ path, type, size: content.length, mode: 0o644, ...(linkpath && { linkpath }) });
    const block = Buffer.alloc(512);
    header.encode(block);
    blocks.push(block, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]), { level: 1 });
}
