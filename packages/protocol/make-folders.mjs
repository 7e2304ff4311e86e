import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it that are missing. Node's own recursion never ends where the system has no folders made, as
 * in /proc.
 *
 * @param {string} path
 * @param {number} [mode] of the last one, if it is made here
 */
export function makeFolders(path, mode = 0o777) {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (error.code === 'EEXIST' && statSync(path).isDirectory()) return;
    const above = dirname(resolve(path));
    if (error.code !== 'ENOENT' || existsSync(above)) throw error;
    makeFolders(above);
    // Another process may have made it meanwhile.
    makeFolders(path, mode);
  }
}
