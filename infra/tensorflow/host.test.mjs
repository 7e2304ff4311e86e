import { expect, test } from 'vitest';
import { supportFor, thisHost } from './host.mjs';

test.each([
  ['linux', 'x64', '2.27', 'wheel', undefined],
  ['linux', 'arm64', '2.36', 'wheel', undefined],
  ['linux', 'x64', '2.17', 'none', 'TensorFlow needs glibc 2.27 and this system has 2.17: upgrade it'],
  ['linux', 'x64', undefined, 'none', 'TensorFlow needs glibc and this system has musl: use a Debian or Ubuntu image'],
  ['linux', 'ia32', '2.36', 'none', 'there is no TensorFlow 2.21.0 for linux on ia32'],
  ['darwin', 'arm64', undefined, 'install script', 'on macOS only the install script of tfjs-node is tried'],
  ['win32', 'x64', undefined, 'none', 'there is no TensorFlow library for tfjs-node on Windows: use WSL 2'],
])('%s on %s with glibc %s: %s', (platform, arch, glibc, ways, why) => {
  const host = { platform: /** @type {NodeJS.Platform} */ (platform), arch, glibc };
  expect(supportFor(host, { installScript: 'install.js' })).toMatchObject(why ? { ways, why } : { ways });
});

test('on macOS a tfjs-node without its install script has no way', () => {
  const host = { platform: /** @type {const} */ ('darwin'), arch: 'arm64', glibc: undefined };
  expect(supportFor(host, { installScript: null })).toEqual({
    ways: 'none',
    why: 'there is no TensorFlow library for this package on macOS',
  });
});

test('this host names its platform and processor', () => {
  expect(thisHost()).toMatchObject({ platform: process.platform, arch: process.arch });
});
