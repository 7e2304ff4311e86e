import { installationHere } from '#here';
import { cacheDirectory } from './cache-directory.mjs';
import { supportFor, thisHost } from './host.mjs';
import { findInstallation, isInstalled, isProven, selfTest } from './installation.mjs';
import { asObstacle } from './obstacle.mjs';

/**
 * @typedef {(line: string, amount?: import('./progress.mjs').Amount) => void} Tell a line, and how far what it says is
 *
 * @typedef {{ engine: 'tensorflow', how: 'already working' | 'cache' | 'wheel' | 'install script', detail: string }
 *   | { engine: 'wasm', how: 'asked for' | 'unsupported' | 'failed' | 'not set up', detail: string }} Provision
 *
 * @typedef {object} ProvisionOptions
 * @property {(line: string) => void} log lines that are kept
 * @property {Tell} progress lines that replace each other
 * @property {string} [root] the clone whose tfjs-node is provisioned; this program's own when absent
 * @property {(cacheDir: string) => Promise<import('./installation.mjs').Installation>} find the tfjs-node to provision
 * @property {NodeJS.ProcessEnv} env
 * @property {string} cacheDir
 * @property {AbortSignal} [signal]
 * @property {boolean} retry try again what failed within the last hour
 * @property {boolean} onlyCached download and compile nothing
 * @property {number} [staleMs] after which the lock of a killed process is taken over
 * @property {string[]} python the command that starts Python
 * @property {import('./host.mjs').Host} [host]
 * @property {typeof selfTest} selfTest
 * @property {Partial<import('./ways.mjs').Tools>} [tools] what a test on a machine without a compiler replaces
 */

/** @returns {ProvisionOptions} */
function withDefaults(options) {
  const env = options.env ?? process.env;
  return {
    log: (line) => process.stderr.write(`${line}\n`),
    progress: () => {},
    find: options.root === undefined ? installationHere : () => findInstallation(options.root),
    cacheDir: cacheDirectory(env),
    retry: false,
    onlyCached: false,
    python: ['python3'],
    selfTest,
    ...options,
    env,
  };
}

/**
 * Makes `@tensorflow/tfjs-node` work, by the cheapest way that does: what is there, the cache of this machine,
 * Python's wheel, the package's own install script. When none does, Convoy computes with WASM. Never throws for what the
 * machine lacks; each such obstacle is one line in `log` and in `detail`.
 *
 * @param {Partial<ProvisionOptions>} [partialOptions]
 * @returns {Promise<Provision>}
 */
export async function provision(partialOptions = {}) {
  const options = withDefaults(partialOptions);
  const { env, log, signal } = options;
  if (env.CONVOY_ENGINE === 'wasm') return { engine: 'wasm', how: 'asked for', detail: 'CONVOY_ENGINE=wasm' };
  try {
    const installation = await options.find(options.cacheDir);
    /** @type {Provision} */
    const working = { engine: 'tensorflow', how: 'already working', detail: installation.tfjs };
    if (await isProven(installation)) return working;
    if ((await isInstalled(installation)) && (await options.selfTest(installation, { env, signal })).ok) return working;

    const host = options.host ?? thisHost();
    const support = supportFor(host, installation);
    if (support.ways === 'none') {
      log(support.why);
      return { engine: 'wasm', how: 'unsupported', detail: support.why };
    }
    // Most calls end above; only the others pay for loading the lock, the unpacker and the rest.
    const { isInCache, provisionByAnyWay } = await import('./ways.mjs');
    if (options.onlyCached && !(await isInCache(options.cacheDir, host, installation))) {
      return { engine: 'wasm', how: 'not set up', detail: 'TensorFlow is not set up on this machine' };
    }
    return await provisionByAnyWay({ ...options, host, support, installation });
  } catch (error) {
    signal?.throwIfAborted();
    const { message } = asObstacle(error, 'preparing TensorFlow');
    log(message);
    return { engine: 'wasm', how: 'failed', detail: message };
  }
}
