import { describe, expect, test } from 'vitest';
import { cacheDirectory } from './cache-directory.mjs';

describe('the cache directory', () => {
  test.each([
    ['linux', {}, '/home/ada', '/home/ada/.cache/convoy'],
    ['linux', { XDG_CACHE_HOME: '/big/cache' }, '/home/ada', '/big/cache/convoy'],
    ['linux', { XDG_CACHE_HOME: 'relative' }, '/home/ada', '/home/ada/.cache/convoy'],
    ['linux', { XDG_CACHE_HOME: '/big/cache', CONVOY_CACHE_DIR: '/mine' }, '/home/ada', '/mine'],
    ['linux', { XDG_CACHE_HOME: '', CONVOY_CACHE_DIR: '' }, '/home/ada', '/home/ada/.cache/convoy'],
    ['darwin', {}, '/Users/ada', '/Users/ada/Library/Caches/convoy'],
    [
      'win32',
      { LOCALAPPDATA: 'C:\\Users\\ada\\AppData\\Local' },
      'C:\\Users\\ada',
      'C:\\Users\\ada\\AppData\\Local\\convoy\\Cache',
    ],
    ['win32', {}, 'C:\\Users\\ada', 'C:\\Users\\ada\\AppData\\Local\\convoy\\Cache'],
  ])('on %s with %o is under %s: %s', (platform, env, home, expected) => {
    expect(cacheDirectory(env, /** @type {NodeJS.Platform} */ (platform), home)).toBe(expected);
  });
});
