import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withCloneLock } from './clone-lock.mjs';

/**
 * Installs the dependencies unless those of this lock file are installed. Throws one line when that fails.
 *
 * @param {string} root
 * @param {{ log: (line: string) => void, signal?: AbortSignal, npm?: string[] }} options
 * @returns {Promise<'installed' | 'already installed'>}
 */
export async function ensureDependencies(root, { log, signal, npm = npmCommand() }) {
  if (areInstalled(root)) return 'already installed';
  const onWait = () => log('another Convoy command is installing the dependencies: waiting for it');
  return withCloneLock(join(root, '.cache', 'setup.lock'), { onWait, signal }, async () => {
    if (areInstalled(root)) return 'already installed';
    log('installing the dependencies (npm ci)');
    await runNpm(root, [...npm, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], signal);
    writeFileSync(stampFile(root), stampOf(readFileSync(join(root, 'package-lock.json'))));
    return 'installed';
  });
}

function areInstalled(root) {
  const lock = readFileSync(join(root, 'package-lock.json'));
  if (readIfThere(stampFile(root)) === stampOf(lock)) return true;
  const installed = readIfThere(join(root, 'node_modules', '.package-lock.json'));
  if (!installed || !isInstalled(JSON.parse(lock.toString()), JSON.parse(installed))) return false;
  // A developer's own `npm install` is as good as ours.
  writeFileSync(stampFile(root), stampOf(lock));
  return true;
}

const stampFile = (root) => join(root, 'node_modules', '.convoy-setup.json');
const stampOf = (lock) => JSON.stringify({ lockSha256: createHash('sha256').update(lock).digest('hex') });

/**
 * Whether everything that a lock file asks for is in the one that npm leaves in node_modules, which it writes last.
 *
 * @param {{ packages: Record<string, LockedPackage> }} lock
 * @param {{ packages: Record<string, LockedPackage> }} installed
 *
 * @typedef {{ version?: string, integrity?: string, link?: boolean, optional?: boolean, peer?: boolean,
 *   devOptional?: boolean }} LockedPackage
 */
export function isInstalled(lock, installed) {
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '' || !path.includes('node_modules/')) return true;
    const found = installed.packages[path];
    // What is for another platform, or for a peer that nobody asked for, is left out.
    if (!found) return Boolean(wanted.optional || wanted.devOptional || wanted.peer);
    return found.version === wanted.version && found.integrity === wanted.integrity && found.link === wanted.link;
  });
}

/** @param {string} root @param {string[]} command @param {AbortSignal} [signal] */
function runNpm(root, [program, ...args], signal) {
  return new Promise((resolve, reject) => {
    // npm's own progress and complaints go where ours go: stdout belongs to whoever asked for the setup.
    const shell = process.platform === 'win32' && program === 'npm';
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 2, 2], signal, shell });
    child.on('error', (error) => {
      reject(new Error(signal?.aborted ? 'interrupted' : `npm could not be started (${error.message}): install npm`));
    });
    child.on('close', (code, killedBy) => {
      if (code === 0) return resolve(undefined);
      reject(
        new Error(
          `npm ci failed (${killedBy ?? `exit ${code}`}): its own lines above say why; check the network and npm's registry ` +
            'setting, then start again',
        ),
      );
    });
  });
}

/** The npm that started us, when one did. */
function npmCommand() {
  const { npm_execpath: path } = process.env;
  return path && /npm-cli\.c?js$/.test(path) ? [process.execPath, path] : ['npm'];
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
