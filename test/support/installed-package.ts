import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import type { Finished } from './convoy.ts';
import { ended } from './ended.ts';

const PACK = fileURLToPath(new URL('../../infra/package/pack.mjs', import.meta.url));
const TYPES = ['typescript@5.9.3', '@types/node@20.19.43'];
const INSTALL = ['--no-audit', '--no-fund', '--loglevel=error', '--fetch-retries=1', '--fetch-timeout=60000'];
/** How npm says that it can't reach its registry. */
const UNREACHABLE =
  /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET_TIMEOUT|E40[13]|E50\d/;

/** Packing and installing take a minute or two on a quiet machine: what has not ended after so long hangs. */
export const INSTALLED_AFTER_MS = 1_080_000;
const LOOK_EVERY_MS = 250;

export interface InstalledPackage {
  /** tfjs-convoy-VERSION.tgz; beside it lies the folder that it is made of. */
  readonly tarball: string;
  /** A folder that has nothing to do with the clone, with the package in its node_modules. */
  readonly project: string;
  /** Why nothing is installed there; null when it is. */
  readonly obstacle: string | null;
}

/** The environment of somebody who has never seen the clone: nothing of its npm, of the tests, or of Convoy's own variables. */
export function foreignEnvironment(): Record<string, string> {
  const own = /^(npm_|NODE_PATH|NODE_ENV|TF_NUM|VITEST)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name))) as Record<string, string>;
}

/**
 * The package as people have it: packed, and installed from npm's registry by an npm without a cache. The first test file that
 * asks has it made; the others wait for that.
 */
export async function installedPackage(): Promise<InstalledPackage> {
  const folder = join(inject('sharedFolder'), 'installed-package');
  const outcome = join(folder, 'outcome.json');
  if (mkdirSync(folder, { recursive: true }) === undefined) {
    while (!existsSync(outcome)) await delay(LOOK_EVERY_MS);
  } else {
    const made = await install(folder).catch((error: unknown) => ({ failure: (error as Error).message }));
    writeFileSync(`${outcome}.partial`, JSON.stringify(made));
    renameSync(`${outcome}.partial`, outcome);
  }
  const made = JSON.parse(readFileSync(outcome, 'utf8')) as InstalledPackage | { readonly failure: string };
  if ('failure' in made) throw new Error(made.failure);
  return made;
}

async function install(folder: string): Promise<InstalledPackage> {
  const project = join(folder, 'a project');
  mkdirSync(project);
  const run = (program: string, ...args: readonly string[]): Promise<Finished> =>
    ended(spawn(program, args, { cwd: project, env: foreignEnvironment(), timeout: INSTALLED_AFTER_MS / 2, stdio: ['ignore', 'pipe', 'pipe'] })); // prettier-ignore
  const packed = await run(process.execPath, PACK, folder);
  if (packed.code !== 0) throw new Error(`packing ended with ${packed.code}:\n${packed.stderr}`);
  const tarball = packed.stdout.trim();
  writeFileSync(join(project, 'package.json'), '{ "name": "a-project", "private": true }');
  const { code, stderr } = await run('npm', 'install', '--cache', join(folder, 'npm-cache'), ...INSTALL, tarball, ...TYPES); // prettier-ignore
  if (code === 0) return { tarball, project, obstacle: null };
  const obstacle = registryObstacle(stderr);
  if (obstacle === null) throw new Error(`npm install ended with ${code}:\n${stderr}`);
  return { tarball, project, obstacle };
}

/** The registry that npm is told of on this machine. */
export function npmRegistry(): string {
  const options = { cwd: tmpdir(), env: foreignEnvironment(), encoding: 'utf8' } as const;
  return execFileSync('npm', ['config', 'get', 'registry'], options).trim();
}

/** What npm's output says of a registry that it can't reach; null when it says no such thing. */
export function registryObstacle(output: string): string | null {
  const line = output.split('\n').find((text) => UNREACHABLE.test(text));
  return line === undefined ? null : `npm can't reach its registry (${line.trim()})`;
}
