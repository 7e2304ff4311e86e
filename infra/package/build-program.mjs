import { join } from 'node:path';
import { build } from 'esbuild';
import { importsOf } from './external-imports.mjs';

/**
 * Bundles the program for the package: TypeScript and JavaScript of the workspace, nothing of anybody else.
 *
 * @param {string} root of the clone
 * @param {Readonly<Record<string, string>>} entries the path of each entry's source by its name
 * @param {string} folder where `name.mjs` of each entry goes, and what they share
 * @returns {Promise<readonly string[]>} the packages that it imports
 */
export async function buildProgram(root, entries, folder) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(root, file)])),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // What is other than in a clone: imports of package.json files that begin with #.
    conditions: ['packaged'],
    metafile: true,
    logLevel: 'silent',
    plugins: [onlyTheWorkspace],
  });
  return importsOf(metafile);
}

/** @type {import('esbuild').Plugin} */
const onlyTheWorkspace = {
  name: 'only the workspace',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./#]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@convoy/') ? undefined : { path, external: true },
    );
  },
};
