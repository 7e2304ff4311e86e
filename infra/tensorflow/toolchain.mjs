import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findOnPath, run } from './command.mjs';
import { Obstacle } from './obstacle.mjs';

const QUESTION_TIMEOUT_MS = 30_000;

/**
 * Checks that what the download and the build need is installed, before 274 MB are downloaded for nothing, and names all
 * that is missing at once.
 *
 * @param {{ env: NodeJS.ProcessEnv, python: string[], needs: { pip: boolean, compiler: boolean } }} options
 */
export async function checkTools({ env, python, needs }) {
  const missing = [];
  const packages = new Set();
  const lacks = (what, ...names) => {
    missing.push(what);
    for (const name of names) packages.add(name);
  };
  const pip = await run([...python, '-c', needs.pip ? 'import pip' : ''], { env, timeoutMs: QUESTION_TIMEOUT_MS });
  if (pip.outcome === 'not found') lacks('python3', 'python3', ...(needs.pip ? ['python3-pip'] : []));
  else if (!pip.ok) lacks(needs.pip ? "Python's pip" : 'a python3 that starts', needs.pip ? 'python3-pip' : 'python3');
  if (needs.compiler && !compilerOnPath(env)) lacks('a C++ compiler', 'g++');
  if (needs.compiler && !findOnPath('make', env)) lacks('make', 'make');
  if (missing.length === 0) return;
  throw new Obstacle(`TensorFlow needs ${missing.join(', ')}: apt-get install ${[...packages].join(' ')}`);
}

/**
 * The command that starts node-gyp: npm carries one, at a place that differs between distributions of npm.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string[]>}
 */
export async function findNodeGyp(env) {
  const inNpm = join('node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const npm = findOnPath('npm', env);
  const candidates = [
    env.npm_config_node_gyp,
    env.npm_execpath && join(dirname(dirname(env.npm_execpath)), inNpm),
    npm && join(dirname(dirname(realpathSync(npm))), inNpm),
    join(dirname(dirname(process.execPath)), 'lib', 'node_modules', 'npm', inNpm),
  ];
  const found = candidates.find((path) => path && existsSync(path));
  if (found) return [process.execPath, found];
  if (npm) {
    const { stdout } = await run([npm, 'root', '--global'], { env, timeoutMs: QUESTION_TIMEOUT_MS });
    const path = join(stdout.trim(), 'npm', inNpm);
    if (existsSync(path)) return [process.execPath, path];
  }
  const alone = findOnPath('node-gyp', env);
  if (alone) return [alone];
  throw new Obstacle(
    'node-gyp was not found, which comes with npm: apt-get install node-gyp, or npm install -g node-gyp',
  );
}

/** Where the headers of this Node are, so that node-gyp need not download them; undefined when it has to. */
export function findNodeHeaders(env, execPath = process.execPath) {
  // node-gyp reads it by itself.
  if (env.npm_config_nodedir) return undefined;
  return [dirname(dirname(execPath)), '/usr'].find((directory) => {
    try {
      const header = readFileSync(join(directory, 'include', 'node', 'node_version.h'), 'utf8');
      return header.includes(`#define NODE_MAJOR_VERSION ${process.versions.node.split('.')[0]}\n`);
    } catch {
      return false;
    }
  });
}

function compilerOnPath(env) {
  return [env.CXX?.split(' ')[0], 'c++', 'g++', 'clang++'].some((name) => name && findOnPath(name, env));
}
