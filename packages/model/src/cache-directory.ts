import { homedir } from 'node:os';
import { posix, win32 } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where Convoy keeps what it downloads, outside every clone: an absolute path, which need not exist. The set-up scripts
 * have the same rule in infra/tensorflow/cache-directory.mjs (they run before anything is installed); a test holds the
 * two together.
 */
export function cacheDirectory(env: Environment, platform: NodeJS.Platform, home: string = homedir()): string {
  const { isAbsolute, join, resolve } = platform === 'win32' ? win32 : posix;
  if (env['CONVOY_CACHE_DIR']) return resolve(env['CONVOY_CACHE_DIR']);
  // The XDG specification says that a relative path is to be ignored.
  if (env['XDG_CACHE_HOME'] && isAbsolute(env['XDG_CACHE_HOME'])) return join(env['XDG_CACHE_HOME'], 'convoy');
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'convoy');
  if (platform === 'win32') return join(env['LOCALAPPDATA'] || join(home, 'AppData', 'Local'), 'convoy', 'Cache');
  return join(home, '.cache', 'convoy');
}
