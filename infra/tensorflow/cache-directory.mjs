import { homedir } from 'node:os';
import { posix, win32 } from 'node:path';

/**
 * Where Convoy keeps what all clones on a machine share: outside every clone, so that a second clone downloads nothing.
 *
 * @param {Record<string, string | undefined>} [env]
 * @param {NodeJS.Platform} [platform]
 * @param {string} [home]
 * @returns {string} an absolute path; it need not exist
 */
export function cacheDirectory(env = process.env, platform = process.platform, home = homedir()) {
  const { isAbsolute, join, resolve } = platform === 'win32' ? win32 : posix;
  if (env.CONVOY_CACHE_DIR) return resolve(env.CONVOY_CACHE_DIR);
  // The XDG specification says that a relative path is to be ignored.
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, 'convoy');
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'convoy');
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'convoy', 'Cache');
  return join(home, '.cache', 'convoy');
}
