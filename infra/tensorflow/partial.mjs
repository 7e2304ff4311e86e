import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Makes a directory that is there completely or not at all, whenever the process is killed: everything is written beside
 * it and renamed at the end.
 *
 * @param {string} target
 * @param {(partial: string) => Promise<void>} fill
 */
export async function makeWhole(target, fill) {
  const partial = partialName(target);
  try {
    await mkdir(partial, { recursive: true });
    await fill(partial);
    await rename(partial, target).catch((error) => {
      // Somebody else finished first, because our lock went stale while the machine slept: theirs is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Removes a directory so that no half of it is ever left under its name. */
export async function removeWhole(target) {
  const partial = partialName(target);
  try {
    await rename(target, partial);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  await rm(partial, { recursive: true, force: true });
}

/**
 * Removes what killed processes left. Call it only while holding the lock: then nobody lives who works in one.
 *
 * @param {string} directory
 * @param {(pid: number) => boolean} [isAlive]
 * @returns {Promise<string[]>} the names removed
 */
export async function removeDeadPartials(directory, isAlive = processIsAlive) {
  const removed = [];
  for (const name of await namesIn(directory)) {
    const pid = /\.partial-(\d+)-[0-9a-f]+$/.exec(name)?.[1];
    if (!pid || isAlive(Number(pid))) continue;
    await rm(join(directory, name), { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}

async function namesIn(directory) {
  try {
    return await readdir(directory);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

export function partialName(target) {
  return `${target}.partial-${process.pid}-${randomBytes(4).toString('hex')}`;
}

function processIsAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
