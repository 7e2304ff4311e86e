import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADDON_FILE, addonHome } from '../tensorflow/addon.mjs';
import { cacheDirectory } from '../tensorflow/cache-directory.mjs';

/**
 * Where the addon is: takes the place of `find` of @mapbox/node-pre-gyp in the tfjs-node that the package brings, which
 * would look for it in `node_modules`.
 *
 * @param {string} manifest the path of tfjs-node's package.json
 */
export function find(manifest) {
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  const home = addonHome(cacheDirectory(process.env), process.platform, process.arch, version);
  const addon = join(home, 'lib', 'napi-v8', ADDON_FILE);
  if (!existsSync(addon)) throw new Error('it is not set up on this machine');
  return addon;
}
