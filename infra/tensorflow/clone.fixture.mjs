import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { CONTENTS } from './release.mjs';
import { zip } from './zip.fixture.mjs';

/** A directory that lives as long as the test. */
export function temporaryDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'convoy-infra-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * A clone in which tfjs-node is installed but has no TensorFlow: its JavaScript loads only with an addon in place, which is the
 * package unless `ADDON_HOME` names another.
 */
export function makeClone() {
  const root = temporaryDirectory();
  writeFileSync(join(root, 'package.json'), '{}');
  write(
    join(root, 'node_modules/@tensorflow/tfjs-node/package.json'),
    '{ "name": "@tensorflow/tfjs-node", "version": "4.22.0", "main": "main.js" }',
  );
  write(join(root, 'node_modules/@tensorflow/tfjs-node/binding.gyp'), '{}');
  write(join(root, 'node_modules/@tensorflow/tfjs-node/binding/tfjs_binding.cc'), '');
  write(
    join(root, 'node_modules/@tensorflow/tfjs-node/main.js'),
    `const addon = require('node:fs').readFileSync((process.env.ADDON_HOME ?? __dirname) + '/lib/napi-v8/tfjs_binding.node', 'utf8');
     module.exports = {
       tidy: (f) => f(),
       tensor2d: () => {},
       matMul: () => ({ dataSync: () => (addon === 'good' ? [7, 10, 15, 22] : [0, 0, 0, 0]) }),
       getBackend: () => 'tensorflow',
       version: { tfjs: '4.22.0' },
     };`,
  );
  return root;
}

/** What a wheel must hold, and something more; `changes` may replace or, with undefined, leave out. */
export function wheelFiles(changes = {}) {
  const files = { 'tensorflow/__init__.py': 'print("never unpacked")' };
  for (const path of CONTENTS.keys()) files[path] = `content of ${path}`;
  return Object.fromEntries(Object.entries({ ...files, ...changes }).filter(([, content]) => content !== undefined));
}

/** Writes a wheel of a few kilobytes and gives its path. */
export function makeWheel(name, changes) {
  const file = join(temporaryDirectory(), name);
  writeFileSync(file, zip(wheelFiles(changes)));
  return file;
}

export function write(file, content) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
