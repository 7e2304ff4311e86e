import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADDON_FILE } from './addon.mjs';
import { lastLine, run } from './command.mjs';
import { Obstacle } from './obstacle.mjs';
import { partialName, removeWhole } from './partial.mjs';

const SELF_TEST_TIMEOUT_MS = 2 * 60_000;

/**
 * A tfjs-node, and where its addon is looked for.
 *
 * @typedef {object} Installation
 * @property {string} tfjs the directory of the package
 * @property {string} version of the package
 * @property {string} home where the addon and the links to the library go: the package itself in a clone
 * @property {string | null} installScript the package's own; null where it was left out
 */

/**
 * The tfjs-node of a clone.
 *
 * @param {string} root
 * @returns {Promise<Installation>}
 */
export async function findInstallation(root) {
  let manifest;
  try {
    manifest = createRequire(join(root, 'package.json')).resolve('@tensorflow/tfjs-node/package.json');
  } catch {
    throw new Obstacle('@tensorflow/tfjs-node is not installed: npm ci');
  }
  const { version } = JSON.parse(await readFile(manifest, 'utf8'));
  const tfjs = dirname(manifest);
  return { tfjs, version, home: tfjs, installScript: join('scripts', 'install.js') };
}

/**
 * Whether a self-test has already passed with exactly the files that are there now. Costs some `stat`s and the digest of
 * 86 KB, so that every start can afford it.
 *
 * @param {Installation} installation
 */
export async function isProven({ home }) {
  try {
    const proof = await readFile(proofFile(home), 'utf8');
    return proof === (await describe(home));
  } catch {
    return false;
  }
}

/** Whether there is something to test. */
export async function isInstalled({ home }) {
  return describe(home).then(
    () => true,
    () => false,
  );
}

/**
 * Loads the addon in a process of its own and computes with it. Success is remembered.
 *
 * @param {Installation} installation
 * @param {{ env: NodeJS.ProcessEnv, signal?: AbortSignal }} options
 * @returns {Promise<{ ok: true } | { ok: false, why: string }>}
 */
export async function selfTest({ tfjs, home }, { env, signal }) {
  const program = fileURLToPath(new URL('self-test.mjs', import.meta.url));
  const test = await run([process.execPath, program, tfjs], {
    env: { ...env, TF_CPP_MIN_LOG_LEVEL: '2' },
    signal,
    timeoutMs: SELF_TEST_TIMEOUT_MS,
  });
  if (test.ok) {
    await remember(home);
    return { ok: true };
  }
  const why =
    test.outcome === 'killed by SIGILL'
      ? 'this processor lacks instructions that TensorFlow was built with (AVX)'
      : lastLine(test.stderr) || test.outcome;
  return { ok: false, why };
}

/**
 * Puts a library and an addon where the package looks for them: links to the library, a copy of the addon, which looks for
 * the library beside itself.
 *
 * @param {Installation} installation
 * @param {{ library: string, addon: string }} parts
 */
export async function install({ home }, { library, addon }) {
  const deps = join(home, 'deps');
  const partial = partialName(deps);
  await mkdir(partial, { recursive: true });
  for (const part of ['lib', 'include']) await symlink(join(library, part), join(partial, part));
  await removeWhole(deps);
  await rename(partial, deps);

  await mkdir(dirname(addonFile(home)), { recursive: true });
  const copy = partialName(addonFile(home));
  try {
    await copyFile(join(addon, ADDON_FILE), copy);
    await rename(copy, addonFile(home));
  } finally {
    await rm(copy, { force: true });
  }
}

async function remember(home) {
  try {
    await writeFile(proofFile(home), await describe(home));
  } catch (error) {
    // A read-only installation is tested at every start, and one that loads its library from elsewhere too.
    if (!['EACCES', 'EROFS', 'EPERM', 'ENOENT'].includes(error.code)) throw error;
  }
}

/** All that decides whether the addon loads: this Node, the addon, and the libraries it is linked to. */
async function describe(home) {
  const lib = join(home, 'deps', 'lib');
  const libraries = {};
  for (const file of (await readdir(lib)).sort()) {
    // A link whose target is gone, because the cache was emptied, throws here.
    const path = await realpath(join(lib, file));
    libraries[path] = (await stat(path)).size;
  }
  const addon = createHash('sha256')
    .update(await readFile(addonFile(home)))
    .digest('hex');
  return JSON.stringify({ node: process.version, arch: process.arch, addon, libraries }, undefined, 2);
}

const addonFile = (home) => join(home, 'lib', 'napi-v8', ADDON_FILE);
const proofFile = (home) => join(home, '.convoy-works.json');
