import { fileURLToPath } from 'node:url';
import { readPage } from '../read-page.mjs';

/**
 * The page that shows runs: it is built, and lies beside the bundle that this module is a part of.
 * @returns {Promise<Record<string, Uint8Array>>} each file's content by its name
 */
export async function pageFiles() {
  return readPage(fileURLToPath(new URL('./page', import.meta.url)));
}
