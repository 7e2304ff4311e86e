import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm, stat, statfs, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { findOnPath, run } from './command.mjs';
import { Obstacle } from './obstacle.mjs';
import { makeWhole, removeWhole } from './partial.mjs';
import { megabytes } from '../progress-bar.mjs';
import { CONTENTS, LIBRARIES, TENSORFLOW_VERSION } from './release.mjs';

/** The wheel, its libraries, and the copy that strip makes of the larger one, with some air. */
const BYTES_NEEDED = 1_700_000_000;
const STRIP_TIMEOUT_MS = 5 * 60_000;

/** Written last: a library without it, or whose files are not as long as it says, is made again. */
const ABOUT = 'about.json';

/** Where a cache keeps the library: `lib/` and `include/` under this. */
export function libraryDirectory(cache, platform, arch) {
  return join(cache, `tensorflow-${TENSORFLOW_VERSION}-${platform}-${arch}`);
}

/** Whether the library in a directory is there and whole. Costs a few `stat`s. */
export async function isWholeLibrary(directory) {
  try {
    const about = JSON.parse(await readFile(join(directory, ABOUT), 'utf8'));
    for (const [path, bytes] of Object.entries(about.files)) {
      if ((await stat(join(directory, path))).size !== bytes) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes the library out of a wheel that `obtainWheel` brings into a directory of ours.
 *
 * @param {string} target
 * @param {(directory: string) => Promise<import('./wheel.mjs').Wheel>} obtainWheel
 * @param {{ progress: import('./provision.mjs').Tell, env: NodeJS.ProcessEnv, signal?: AbortSignal }} options
 * @returns {Promise<import('./wheel.mjs').Wheel>}
 */
export async function makeLibrary(target, obtainWheel, { progress, env, signal }) {
  await checkSpace(dirname(target));
  let wheel = /** @type {import('./wheel.mjs').Wheel | undefined} */ (undefined);
  await makeWhole(target, async (partial) => {
    const download = join(partial, 'download');
    await mkdir(download);
    wheel = await obtainWheel(download);
    await unpackWheel(wheel.file, partial, { progress, signal });
    await rm(download, { recursive: true });
    const stripped = await strip(partial, { progress, env, signal });
    for (const [link, file] of Object.entries(LIBRARIES)) await symlink(file, join(partial, 'lib', link));
    const files = {};
    for (const path of CONTENTS.values()) files[path] = (await stat(join(partial, path))).size;
    const about = {
      tensorflow: TENSORFLOW_VERSION,
      wheel: basename(wheel.file),
      sha256: wheel.sha256,
      stripped,
      files,
    };
    await writeFile(join(partial, ABOUT), JSON.stringify(about, undefined, 2));
    // A damaged one goes only now: other clones may be linked to it.
    await removeWhole(target);
  });
  return /** @type {import('./wheel.mjs').Wheel} */ (/** @type {unknown} */ (wheel));
}

/**
 * Takes exactly what is needed out of a wheel.
 *
 * @param {string} file
 * @param {string} directory
 * @param {{ progress?: import('./provision.mjs').Tell, signal?: AbortSignal }} [options]
 */
export async function unpackWheel(file, directory, { progress = () => {}, signal } = {}) {
  let zip;
  try {
    zip = await yauzl.openPromise(file, { lazyEntries: true, autoClose: false });
  } catch (error) {
    throw new Obstacle(`${basename(file)} cannot be unpacked (${error.message}): download it again`, { cause: error });
  }
  try {
    const entries = await wantedEntries(zip, basename(file));
    const total = entries.reduce((sum, entry) => sum + entry.uncompressedSize, 0);
    let written = 0;
    for (const entry of entries) {
      const target = join(directory, /** @type {string} */ (CONTENTS.get(entry.fileName)));
      await mkdir(dirname(target), { recursive: true });
      const count = new Transform({
        transform(chunk, _encoding, next) {
          written += chunk.length;
          progress(`TensorFlow ${TENSORFLOW_VERSION}: unpacking`, { done: written, total });
          next(null, chunk);
        },
      });
      await pipeline(await zip.openReadStreamPromise(entry), count, createWriteStream(target), { signal });
    }
  } catch (error) {
    // zlib's and yauzl's words for a damaged archive; a full disk and an interruption keep their own.
    if (/^Z_/.test(error.code) || /^(invalid|unexpected|not enough|too many) /.test(error.message)) {
      throw new Obstacle(`${basename(file)} is damaged (${error.message}): download it again`, { cause: error });
    }
    throw error;
  } finally {
    zip.close();
  }
}

async function wantedEntries(zip, name) {
  const found = new Map();
  for await (const entry of zip.eachEntry()) if (CONTENTS.has(entry.fileName)) found.set(entry.fileName, entry);
  const missing = [...CONTENTS.keys()].filter((path) => !found.has(path));
  if (missing.length > 0) {
    throw new Obstacle(`${name} lacks ${missing.join(', ')}: give one of TensorFlow ${TENSORFLOW_VERSION} for Linux`);
  }
  return [...found.values()];
}

/** A quarter of the library is symbols that nothing here reads. Without binutils it stays as large as it is. */
async function strip(directory, { progress, env, signal }) {
  if (!findOnPath('strip', env)) return false;
  progress(`TensorFlow ${TENSORFLOW_VERSION}: stripping symbols`);
  for (const file of Object.values(LIBRARIES)) {
    // strip writes a new file and renames it, so that a failure leaves the old one.
    const options = { env, signal, timeoutMs: STRIP_TIMEOUT_MS };
    const { ok } = await run(['strip', '--strip-unneeded', join(directory, 'lib', file)], options);
    if (!ok) return false;
  }
  return true;
}

async function checkSpace(directory) {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= BYTES_NEEDED) return;
  throw new Obstacle(
    `unpacking TensorFlow needs ${megabytes(BYTES_NEEDED)} and ${directory} has ${megabytes(free)} free: set ` +
      'CONVOY_CACHE_DIR to a directory on a larger disk',
  );
}
