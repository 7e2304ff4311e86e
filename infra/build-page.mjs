// The page that shows runs in a browser: its sources as a few files that are served as they are.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { licensesOf } from './bundled-licenses.mjs';

const PAGE = 'packages/dashboard/page';

/**
 * Builds the page: `index.html`, a script and a style sheet that are named after their content, and the licences of what is in them.
 * @param {string} root of the clone
 * @returns {Promise<Record<string, Uint8Array>>} each file's content by its name
 */
export async function buildPage(root) {
  const { build } = await import('esbuild');
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: { page: join(root, PAGE, 'main.tsx'), 'try-model': join(root, PAGE, 'try-model-worker.ts') },
    outdir: join(root, 'page'),
    entryNames: '[name]-[hash]',
    write: false,
    bundle: true,
    minify: true,
    platform: 'browser',
    // A module would be asked for with an origin, which a door without tokens takes from few.
    format: 'iife',
    target: ['chrome110', 'firefox115', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
  });
  const files = Object.fromEntries(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  const named = (start, extension) =>
    Object.keys(files).find((name) => name.startsWith(`${start}-`) && name.endsWith(extension));
  const html = readFileSync(join(root, PAGE, 'index.html'), 'utf8')
    .replace('%SCRIPT%', `assets/${named('page', '.js')}`)
    .replace('%STYLE%', `assets/${named('page', '.css')}`)
    .replace('%TRY_MODEL%', `assets/${named('try-model', '.js')}`);
  return { ...files, 'index.html': Buffer.from(html), 'LICENSES.txt': Buffer.from(licensesOf(metafile, root)) };
}

/**
 * Writes the page's files.
 * @param {string} root of the clone
 * @param {string} folder made if need be
 */
export async function writePage(root, folder) {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(await buildPage(root))) {
    writeFileSync(join(folder, name), content, { flush: true });
  }
}
