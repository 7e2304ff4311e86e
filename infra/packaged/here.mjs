import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonHome } from '../tensorflow/addon.mjs';

/**
 * The tfjs-node that the package brings. Its addon is in the cache, so that `node_modules` may be read-only, shared or
 * installed anew.
 *
 * @param {string} cacheDir
 * @returns {Promise<import('../tensorflow/installation.mjs').Installation>}
 */
export async function installationHere(cacheDir) {
  // Beside the folder of the bundle that this module is a part of.
  const tfjs = fileURLToPath(new URL('../vendor/tfjs-node', import.meta.url));
  const { version } = JSON.parse(await readFile(join(tfjs, 'package.json'), 'utf8'));
  return { tfjs, version, home: addonHome(cacheDir, process.platform, process.arch, version), installScript: null };
}

/** Nothing has run when the package was installed. */
export const isSetUpAtFirstUse = true;
