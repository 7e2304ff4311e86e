import { expect, test } from 'vitest';
import { cacheDirectory } from './cache-directory.ts';

const cases: [string, Record<string, string>, NodeJS.Platform, string, string][] = [
  ['~/.cache/convoy on Linux', {}, 'linux', '/home/ada', '/home/ada/.cache/convoy'],
  ['XDG_CACHE_HOME', { XDG_CACHE_HOME: '/var/xdg' }, 'linux', '/home/ada', '/var/xdg/convoy'],
  ['not a relative XDG_CACHE_HOME', { XDG_CACHE_HOME: 'xdg' }, 'linux', '/home/ada', '/home/ada/.cache/convoy'],
  ['~/Library/Caches/convoy on macOS', {}, 'darwin', '/Users/ada', '/Users/ada/Library/Caches/convoy'],
  ['%LOCALAPPDATA% on Windows', { LOCALAPPDATA: 'D:\\Local' }, 'win32', 'C:\\ada', 'D:\\Local\\convoy\\Cache'],
  ['AppData\\Local on Windows', {}, 'win32', 'C:\\ada', 'C:\\ada\\AppData\\Local\\convoy\\Cache'],
  ['CONVOY_CACHE_DIR first', { CONVOY_CACHE_DIR: '/c', XDG_CACHE_HOME: '/x' }, 'linux', '/home/ada', '/c'],
];

test.each(cases)('the cache is %s', (_, env, platform, home, expected) => {
  expect(cacheDirectory(env, platform, home)).toBe(expected);
});

test('the set-up scripts have the same rule', async () => {
  const path = new URL('../../../infra/tensorflow/cache-directory.mjs', import.meta.url).href;
  const infra = (await import(/* @vite-ignore */ path)) as { cacheDirectory: typeof cacheDirectory };
  for (const [, env, platform, home] of cases) {
    expect(infra.cacheDirectory(env, platform, home)).toBe(cacheDirectory(env, platform, home));
  }
});
