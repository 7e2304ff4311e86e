import { OLDEST_GLIBC, RELEASES, TENSORFLOW_VERSION } from './release.mjs';

/**
 * @typedef {{ platform: NodeJS.Platform, arch: string, glibc: string | undefined }} Host
 *
 * @typedef {{ ways: 'wheel', release: import('./release.mjs').Release }
 *   | { ways: 'install script', why: string }
 *   | { ways: 'none', why: string }} Support
 */

/** @returns {Host} */
export function thisHost() {
  // Without this, the report looks up the names of all open sockets' addresses.
  const reporter = /** @type {NodeJS.ProcessReport & { excludeNetwork?: boolean }} */ (process.report);
  reporter.excludeNetwork = true;
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (reporter.getReport());
  return { platform: process.platform, arch: process.arch, glibc: report.header.glibcVersionRuntime };
}

/**
 * How TensorFlow can be had on a host.
 *
 * @param {Host} host
 * @param {{ installScript: string | null }} installation
 * @returns {Support}
 */
export function supportFor({ platform, arch, glibc }, { installScript }) {
  if (platform === 'darwin' && installScript === null) {
    return { ways: 'none', why: 'there is no TensorFlow library for this package on macOS' };
  }
  if (platform === 'darwin') {
    return { ways: 'install script', why: 'on macOS only the install script of tfjs-node is tried' };
  }
  if (platform === 'win32') {
    return { ways: 'none', why: 'there is no TensorFlow library for tfjs-node on Windows: use WSL 2' };
  }
  const release = RELEASES[`${platform}-${arch}`];
  if (!release) return { ways: 'none', why: `there is no TensorFlow ${TENSORFLOW_VERSION} for ${platform} on ${arch}` };
  if (!glibc) {
    return { ways: 'none', why: 'TensorFlow needs glibc and this system has musl: use a Debian or Ubuntu image' };
  }
  if (olderThan(glibc, OLDEST_GLIBC)) {
    return { ways: 'none', why: `TensorFlow needs glibc ${OLDEST_GLIBC} and this system has ${glibc}: upgrade it` };
  }
  return { ways: 'wheel', release };
}

function olderThan(version, least) {
  const [major, minor] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = least.split('.').map(Number);
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}
