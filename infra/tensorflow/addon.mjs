import { copyFile, cp, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './command.mjs';
import { Obstacle } from './obstacle.mjs';
import { makeWhole, removeWhole } from './partial.mjs';
import { TENSORFLOW_VERSION } from './release.mjs';
import { findNodeGyp, findNodeHeaders } from './toolchain.mjs';

const BUILD_TIMEOUT_MS = 15 * 60_000;

/** N-API is stable: one binary loads in Node 20 to 26, so its version is not a part of the key. */
export const ADDON_FILE = 'tfjs_binding.node';

/** Where a cache keeps the built addon. */
export function addonDirectory(cache, platform, arch, tfjsVersion) {
  return join(cache, `addon-${tfjsVersion}-tensorflow-${TENSORFLOW_VERSION}-${platform}-${arch}`);
}

/** Where the addon is loaded from when that can't be the package itself: links to the library, a copy of the addon. */
export function addonHome(cache, platform, arch, tfjsVersion) {
  return join(cache, `installed-${tfjsVersion}-tensorflow-${TENSORFLOW_VERSION}-${platform}-${arch}`);
}

export async function isWholeAddon(directory) {
  const file = await stat(join(directory, ADDON_FILE)).catch(() => undefined);
  return file !== undefined && file.size > 0;
}

/**
 * Compiles the addon of tfjs-node against a library, in a copy of its sources: an interrupted build leaves the clone as
 * it was.
 *
 * @param {string} target
 * @param {{ tfjs: string, library: string, env: NodeJS.ProcessEnv, signal?: AbortSignal }} options `tfjs` is the
 *   directory of the installed package
 */
export async function makeAddon(target, { tfjs, library, env, signal }) {
  const nodeGyp = await findNodeGyp(env);
  const headers = findNodeHeaders(env);
  await makeWhole(target, async (partial) => {
    const workshop = join(partial, 'build');
    await mkdir(join(workshop, 'deps'), { recursive: true });
    await cp(join(tfjs, 'binding'), join(workshop, 'binding'), { recursive: true });
    await copyFile(join(tfjs, 'binding.gyp'), join(workshop, 'binding.gyp'));
    for (const part of ['lib', 'include']) await symlink(join(library, part), join(workshop, 'deps', part));

    const output = join(workshop, 'lib', 'napi-v8');
    const build = await run(
      [
        ...nodeGyp,
        'rebuild',
        `--directory=${workshop}`,
        ...(headers ? [`--nodedir=${headers}`] : []),
        '--module_name=tfjs_binding',
        `--module_path=${output}`,
        `--module=${join(output, ADDON_FILE)}`,
        '--napi_version=9',
        '--napi_build_version=8',
        '--node_napi_label=napi-v8',
      ],
      { cwd: workshop, env, signal, timeoutMs: BUILD_TIMEOUT_MS },
    );
    if (!build.ok) throw await buildObstacle(build, dirname(target));
    await copyFile(join(output, ADDON_FILE), join(partial, ADDON_FILE));
    await rm(workshop, { recursive: true });
    await removeWhole(target);
  });
}

async function buildObstacle(build, cache) {
  const log = join(cache, 'addon-build.log');
  await writeFile(log, build.stdout + build.stderr);
  const reason = build.stderr.match(/(fatal error|error|gyp ERR! stack Error): .*/)?.[0] ?? build.outcome;
  return new Obstacle(
    `the TensorFlow addon did not compile (${reason}): its whole output is in ${log}; it needs apt-get install g++ make ` +
      'python3 and the headers of this Node',
  );
}
