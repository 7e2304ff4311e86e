import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { lastLine, run } from './command.mjs';
import { Obstacle } from './obstacle.mjs';
import { TENSORFLOW_VERSION } from './release.mjs';

/** pip ends by itself when a connection stays silent; this is for what it does not notice. */
const DOWNLOAD_TIMEOUT_MS = 30 * 60_000;
const PROGRESS_EVERY_MS = 500;

/**
 * @typedef {{ file: string, sha256: string, verified: boolean }} Wheel `verified` means: its digest is the known one
 */

/**
 * The wheel that the operator names in `CONVOY_TENSORFLOW_WHEEL`, wherever it came from.
 *
 * @param {string} path
 * @param {import('./release.mjs').Release} release
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {Promise<Wheel>}
 */
export async function givenWheel(path, release, { signal } = {}) {
  const file = resolve(path);
  if (!(await stat(file).catch(() => undefined))?.isFile()) {
    throw new Obstacle(`CONVOY_TENSORFLOW_WHEEL names ${path}, which is not a file`);
  }
  // It may be one for another CPython, whose digest nobody knows.
  return checkWheel(file, basename(file) === release.wheel ? release.sha256 : undefined, signal);
}

/**
 * Lets pip, as it is configured on this machine, download the wheel into a directory.
 *
 * @param {import('./release.mjs').Release} release
 * @param {{ directory: string, python: string[], env: NodeJS.ProcessEnv, progress: import('./provision.mjs').Tell,
 *   signal?: AbortSignal }} options `directory` must exist and be ours alone
 * @returns {Promise<Wheel>}
 */
export async function downloadWheel(release, { directory, python, env, progress, signal }) {
  // pip downloads into TMPDIR and moves the file at the end: there it is seen to grow, and a kill leaves nothing in /tmp.
  const TMPDIR = join(directory, 'tmp');
  await mkdir(TMPDIR);
  const watcher = setInterval(async () => {
    const bytes = await sizeOf(directory).catch(() => 0);
    progress(`TensorFlow ${TENSORFLOW_VERSION}: downloading`, { done: bytes, total: release.bytes });
  }, PROGRESS_EVERY_MS);
  let download;
  try {
    download = await run([...python, ...pipDownload(release, directory)], {
      env: { ...env, TMPDIR },
      signal,
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
    });
  } finally {
    clearInterval(watcher);
  }
  const name = (await readdir(directory)).find((entry) => entry.endsWith('.whl'));
  if (!download.ok || !name) {
    throw new Obstacle(
      `pip could not download ${release.requirement} (${lastLine(download.stderr) || download.outcome}): check the ` +
        `network and pip's configuration, or set CONVOY_TENSORFLOW_WHEEL=/path/to/${release.wheel}`,
    );
  }
  return checkWheel(join(directory, name), release.sha256, signal);
}

/** Takes a wheel's digest and refuses one that should have another. */
async function checkWheel(file, known, signal) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash, { signal });
  const sha256 = hash.digest('hex');
  if (known && known !== sha256) {
    throw new Obstacle(
      `${basename(file)} is not the file it should be: expected sha256 ${known}, found ${sha256}: download it again`,
    );
  }
  return { file, sha256, verified: known !== undefined };
}

function pipDownload({ requirement, platforms }, directory) {
  return [
    ...['-m', 'pip', 'download', '-q', '--no-deps', '--only-binary=:all:', '--retries', '1', '-d', directory],
    // Always this tag, so that the file is always the one whose digest is known: it is only unpacked, never imported.
    ...platforms.flatMap((platform) => ['--platform', platform]),
    ...['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311'],
    requirement,
  ];
}

async function sizeOf(directory) {
  let bytes = 0;
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    // pip renames while we look.
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
}
