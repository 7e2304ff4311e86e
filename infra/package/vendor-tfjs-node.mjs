import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { licensesOf } from '../bundled-licenses.mjs';
import { importsOf } from './external-imports.mjs';

const FIND_ADDON = fileURLToPath(new URL('../packaged/find-addon.mjs', import.meta.url));

/**
 * Puts tfjs-node into the package: its JavaScript as two files, and what its addon is compiled from.
 *
 * It is no dependency because its install script fails for everybody: its storage refuses the download, and npm then installs
 * nothing at all. docs/decisions/0018-the-package.md
 *
 * @param {string} root of the clone
 * @param {string} folder where it goes
 * @returns {Promise<readonly string[]>} the packages that it imports
 */
export async function vendorTfjsNode(root, folder) {
  const manifest = createRequire(join(root, 'package.json')).resolve('@tensorflow/tfjs-node/package.json');
  const source = dirname(manifest);
  const { name, version, license } = JSON.parse(readFileSync(manifest, 'utf8'));
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: {
      index: join(source, 'dist/index.js'),
      'proto/api_pb': join(source, 'dist/proto/api_pb.js'),
    },
    outdir: join(folder, 'dist'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['@tensorflow/tfjs', '@tensorflow/tfjs-core'],
    alias: { '@mapbox/node-pre-gyp': FIND_ADDON },
    legalComments: 'inline',
    metafile: true,
    logLevel: 'silent',
  });
  cpSync(join(source, 'binding'), join(folder, 'binding'), { recursive: true });
  cpSync(join(source, 'binding.gyp'), join(folder, 'binding.gyp'));
  // No scripts: nothing of it runs when the package is installed.
  const main = 'dist/index.js';
  writeFileSync(
    join(folder, 'package.json'),
    toJson({ name, version, license, private: true, type: 'commonjs', main }),
  );
  writeFileSync(join(folder, 'LICENSES.txt'), licensesOf(metafile, root));
  return importsOf(metafile);
}

const toJson = (value) => `${JSON.stringify(value, undefined, 2)}\n`;
