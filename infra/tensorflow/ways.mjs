import { resolve } from 'node:path';
import { makeFolders } from '@convoy/protocol/make-folders';
import { programName } from '../program-name.mjs';
import { addonDirectory, isWholeAddon, makeAddon } from './addon.mjs';
import { createFailureMemory } from './failure-memory.mjs';
import { runInstallScript } from './install-script.mjs';
import { install, isProven } from './installation.mjs';
import { isWholeLibrary, libraryDirectory, makeLibrary } from './library.mjs';
import { withLock } from './lock.mjs';
import { asObstacle, Obstacle } from './obstacle.mjs';
import { removeDeadPartials } from './partial.mjs';
import { TENSORFLOW_VERSION } from './release.mjs';
import { checkTools } from './toolchain.mjs';
import { downloadWheel, givenWheel } from './wheel.mjs';

/**
 * @typedef {{ checkTools: typeof checkTools, makeAddon: typeof makeAddon, runInstallScript: typeof runInstallScript }} Tools
 */

/**
 * Tries them one after the other, alone on this cache. Each one that fails leaves a line in `log`.
 *
 * @param {import('./provision.mjs').ProvisionOptions & { support: Exclude<import('./host.mjs').Support, { ways: 'none' }>,
 *   installation: import('./installation.mjs').Installation }} options
 * @returns {Promise<import('./provision.mjs').Provision>}
 */
export async function provisionByAnyWay(options) {
  const { installation, log, signal, staleMs } = options;
  const cache = resolve(options.cacheDir);
  makeFolders(cache);
  const onWait = () => log('another Convoy command is preparing TensorFlow: waiting for it');
  return withLock(cache, { onWait, signal, staleMs }, async () => {
    // The one we waited for may have been in this very clone.
    if (await isProven(installation)) {
      return { engine: 'tensorflow', how: 'already working', detail: installation.home };
    }
    await removeDeadPartials(cache);
    await removeDeadPartials(installation.home);
    const tools = { checkTools, makeAddon, runInstallScript, ...options.tools };
    return tryWays({ ...options, tools, cache, memory: createFailureMemory(cache) });
  });
}

async function tryWays(context) {
  const { installation, support, log, signal, env } = context;
  const lines = [];
  const attempt = async (way) => {
    try {
      return await way();
    } catch (error) {
      signal?.throwIfAborted();
      const { message } = asObstacle(error, 'preparing TensorFlow');
      log(message);
      lines.push(message);
      return undefined;
    }
  };

  if (support.ways === 'wheel') {
    const provided = await attempt(() => fromLibrary(context));
    if (provided) return provided;
  }
  if (installation.installScript === null || context.onlyCached) return failed(lines);
  const script = await attempt(() =>
    believed(context, 'install-script', async () => {
      context.progress('trying the install script of tfjs-node');
      await context.tools.runInstallScript(installation, { env, signal });
      return { engine: 'tensorflow', how: 'install script', detail: installation.tfjs };
    }),
  );
  return script ?? failed(lines);
}

/** @returns {import('./provision.mjs').Provision} */
function failed(lines) {
  return { engine: 'wasm', how: 'failed', detail: lines.join('; ') };
}

/** Whether nothing has to be downloaded or compiled. */
export async function isInCache(cache, { platform, arch }, { version }) {
  const library = libraryDirectory(cache, platform, arch);
  const addon = addonDirectory(cache, platform, arch, version);
  return (await isWholeLibrary(library)) && (await isWholeAddon(addon));
}

/** The library and the addon from the cache, each made first when it is not in there. */
async function fromLibrary(context) {
  const { cache, installation, support, env, python, progress, log, signal } = context;
  const { platform, arch } = context.host;
  const library = libraryDirectory(cache, platform, arch);
  const addon = addonDirectory(cache, platform, arch, installation.version);
  const has = { library: await isWholeLibrary(library), addon: await isWholeAddon(addon) };

  if (has.library && has.addon) {
    await install(installation, { library, addon });
    const test = await context.selfTest(installation, { env, signal });
    if (test.ok) return { engine: 'tensorflow', how: 'cache', detail: library };
    if (context.onlyCached) throw new Obstacle(`the TensorFlow in the cache does not work here: ${test.why}`);
    // A home directory shared by unlike machines: what one has built may not load on the other.
    await refuseIfFailedLately(context, 'addon');
    log(`the addon in the cache does not work here (${test.why}): building it again`);
  }

  const pip = !has.library && !env.CONVOY_TENSORFLOW_WHEEL;
  await context.tools.checkTools({ env, python, needs: { pip, compiler: true } });

  let wheel;
  if (!has.library) {
    const download = (directory) => downloadWheel(support.release, { directory, python, env, progress, signal });
    const obtain = (directory) =>
      pip
        ? believed(context, 'download', () => download(directory))
        : givenWheel(env.CONVOY_TENSORFLOW_WHEEL, support.release, { signal });
    wheel = await makeLibrary(library, obtain, { progress, env, signal });
    const digest = wheel.verified ? 'its digest is the known one' : `nobody has checked its digest ${wheel.sha256} yet`;
    log(`TensorFlow ${TENSORFLOW_VERSION}: unpacked into ${library}; ${digest}`);
  }
  await believed(context, 'addon', async () => {
    log(`TensorFlow ${TENSORFLOW_VERSION}: compiling the addon of tfjs-node (about half a minute)`);
    await context.tools.makeAddon(addon, { tfjs: installation.tfjs, library, env, signal });
    await install(installation, { library, addon });
    const test = await context.selfTest(installation, { env, signal });
    if (!test.ok) throw new Obstacle(`TensorFlow was built and does not work: ${test.why}`);
  });
  return { engine: 'tensorflow', how: wheel ? 'wheel' : 'cache', detail: library };
}

/**
 * Does something slow unless it failed within the last hour; then that failure is reported again at once.
 *
 * @template T
 * @param {{ memory: ReturnType<typeof createFailureMemory>, retry: boolean }} context
 * @param {'download' | 'addon' | 'install-script'} attempt
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function believed(context, attempt, work) {
  await refuseIfFailedLately(context, attempt);
  try {
    const result = await work();
    await context.memory.forget(attempt);
    return result;
  } catch (error) {
    if (error instanceof Obstacle) await context.memory.remember(attempt, error.message);
    throw error;
  }
}

async function refuseIfFailedLately({ memory, retry }, attempt) {
  const failure = retry ? undefined : await memory.recall(attempt);
  if (!failure) return;
  const minutes = Math.round(failure.ageMs / 60_000);
  throw new Obstacle(
    `${failure.line} (tried ${minutes} min ago; to try again: ${programName().join(' ')} setup --retry)`,
  );
}
