import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 250;

/**
 * Does `work` while no other process holds the same file. For what runs before any dependency is installed; a dead
 * holder's file is taken over at once.
 *
 * @template T
 * @param {string} file
 * @param {{ onWait: () => void, signal?: AbortSignal }} options
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withCloneLock(file, { onWait, signal }, work) {
  mkdirSync(dirname(file), { recursive: true });
  for (let waited = false; !take(file); waited = true) {
    if (!waited) onWait();
    await delay(POLL_MS, undefined, { signal });
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file) {
  const mine = `${file}.${process.pid}`;
  // Written aside and linked, so that the file is never seen without its holder's number in it.
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    removeIfDead(file);
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

function removeIfDead(file) {
  try {
    const holder = readFileSync(file, 'utf8');
    if (isAlive(Number(holder))) return;
    const aside = `${file}.${process.pid}.dead`;
    renameSync(file, aside);
    // Between our look and our grasp somebody may have taken it: give it back.
    if (readFileSync(aside, 'utf8') !== holder) linkSync(aside, file);
    rmSync(aside);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
