import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The files of a page that was built.
 * @param {string} folder
 * @returns {Record<string, Uint8Array>} each file's content by its name
 */
export function readPage(folder) {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
}
