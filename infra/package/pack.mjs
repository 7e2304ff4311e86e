// npm run pack [-- FOLDER]
//
// Makes the package that people install: FOLDER/tfjs-convoy-VERSION.tgz, and beside it the folder that it is made of.
// FOLDER is dist/ when absent. docs/publishing.md says what to do with it.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileKernels, compiledFile } from '@convoy/numerics/compile';
import { writePage } from '../build-page.mjs';
import { buildProgram } from './build-program.mjs';
import { writeDeclarations } from './declarations.mjs';
import { packageManifest } from './manifest.mjs';
import { vendorTfjsNode } from './vendor-tfjs-node.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The modules that somebody starts or imports, by the name of their file in the package. */
const ENTRIES = {
  index: 'packages/tfjs-convoy/src/index.ts',
  main: 'apps/cli/src/main.ts',
  launch: 'infra/launch.mjs',
  'thread-entry': 'packages/worker/src/compute/thread-main.ts',
  'self-test': 'infra/tensorflow/self-test.mjs',
};

const BIN = `#!/usr/bin/env node
import { launch } from '../dist/launch.mjs';

await launch(process.argv.slice(2));
`;

const target = resolve(process.argv[2] ?? join(root, 'dist'));
const folder = join(target, 'tfjs-convoy');

/** @returns {Promise<string>} the path of the tarball */
async function pack() {
  rmSync(folder, { recursive: true, force: true });
  const dist = join(folder, 'dist');
  const [program, types, tensorflow] = await Promise.all([
    buildProgram(root, ENTRIES, dist),
    writeDeclarations(root, 'packages/tfjs-convoy', 'src/index.ts', [
      join(dist, 'index.d.ts'),
      join(dist, 'index.d.cts'),
    ]),
    vendorTfjsNode(root, join(folder, 'vendor', 'tfjs-node')),
  ]);
  await writePage(root, join(dist, 'page'));
  await compileKernels();
  cpSync(compiledFile(), join(dist, 'kernels.wasm'));
  // Node gives a CommonJS module the same instance of it.
  write('dist/index.cjs', `'use strict';\nmodule.exports = require('./index.mjs');\n`);
  write('bin/convoy.mjs', BIN, 0o755);
  for (const file of ['LICENSE', 'CHANGELOG.md']) cpSync(join(root, file), join(folder, file));
  for (const part of ['README.md', 'templates']) {
    cpSync(join(root, 'packages/tfjs-convoy', part), join(folder, part), { recursive: true });
  }
  const manifest = packageManifest(root, [...program, ...types, ...tensorflow]);
  write('package.json', `${JSON.stringify(manifest, undefined, 2)}\n`);
  return npmPack();
}

function write(path, content, mode = 0o644) {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content, { mode });
}

function npmPack() {
  const options = ['pack', '--ignore-scripts', '--json', '--pack-destination', target];
  const { status, stdout, stderr, error } = spawnSync('npm', options, { cwd: folder, encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm pack failed: ${stderr.trim()}`);
  const [{ filename }] = JSON.parse(stdout);
  return join(target, filename);
}

process.stdout.write(`${await pack()}\n`);
