// The page that shows runs, in a clone: built with the bundle of its sources. In the package: packaged/page.mjs.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPage } from './build-page.mjs';
import { bundledProgram } from './bundle.mjs';
import { readPage } from './read-page.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** @returns {Promise<Record<string, Uint8Array>>} each file's content by its name */
export async function pageFiles() {
  let main;
  try {
    main = await bundledProgram(ROOT);
  } catch {
    // A clone that can't be written to.
    return buildPage(ROOT);
  }
  return readPage(join(dirname(main), 'page'));
}
