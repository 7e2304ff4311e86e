import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bundleWorkload } from './bundle-workload.ts';
import { loadWorkload } from './load-workload.ts';

/** A project with these files, outside every clone. */
async function project(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'convoy-bundle-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** A package of node_modules. */
function installed(name: string, code: string): Record<string, string> {
  return {
    [`node_modules/${name}/package.json`]: JSON.stringify({ name, version: '1.0.0', main: 'index.js' }),
    [`node_modules/${name}/index.js`]: code,
  };
}

const WORKLOAD = `
import { defineWorkload } from 'tfjs-convoy';
import * as tf from '@tensorflow/tfjs';
import { sep } from 'node:path';
import { labelOf } from 'labels';
import { COUNT } from './lib/count.ts';
const parity: number = tf.scalar(2).dataSync()[0];
export default defineWorkload({
  name: 'parity', inputType: 'uint8', loss: 'sparseCategoricalCrossentropy',
  model: [{ type: 'input', shape: [2] }, { type: 'dense', units: parity, activation: 'softmax' }],
  dataset: () => ({
    trainCount: COUNT, testCount: 4, classNames: ['even', 'odd'],
    read: (split, index, input) => { input[0] = index; input[1] = sep.length; return labelOf(index); },
  }),
});`;

const LABELS = `const path = require('path');
exports.labelOf = (index) => index % path.basename(__dirname).length % 2;`;

test('a workload is one module with what it imports, which has the same model and data anywhere', async () => {
  const folder = await project({
    'parity.ts': WORKLOAD,
    'lib/count.ts': 'export const COUNT: number = 40;',
    ...installed('labels', LABELS),
  });
  const { code, sha256 } = await bundleWorkload(join(folder, 'parity.ts'));
  expect(Buffer.from(code).toString()).not.toContain(folder);
  const elsewhere = await project({ 'labels/workload.mjs': Buffer.from(code).toString() });
  const [here, there] = [
    await loadWorkload(join(folder, 'parity.ts')),
    await loadWorkload(join(elsewhere, 'labels', 'workload.mjs')),
  ];
  expect(there.models['workload']!.hash).toBe(here.models['workload']!.hash);
  const open = (workload: typeof here) =>
    workload.openDataset({ name: 'workload', workload: 'parity' }, { environment: {} });
  expect((await open(there)).fingerprint).toBe((await open(here)).fingerprint);
  expect((await bundleWorkload(join(folder, 'parity.ts'))).sha256).toBe(sha256);
});

test.each([
  [
    'a library of its own',
    installed('fast', `module.exports = require('./fast.node');`),
    'it imports fast, which needs a compiled library (./fast.node): install the workload with its packages on each machine',
  ],
  [
    'a loader of libraries',
    installed('fast', `module.exports = require('node-gyp-build')(__dirname);`),
    'it imports fast, which needs a compiled library (node-gyp-build)',
  ],
  ['nothing that is installed', {}, 'workload.ts imports fast, which is not installed here'],
])('an import that brings %s is refused by name', async (_, files, words) => {
  const folder = await project({ 'workload.ts': `import fast from 'fast'; export default fast;`, ...files });
  await expect(bundleWorkload(join(folder, 'workload.ts'))).rejects.toMatchObject({
    name: 'BundleRefusal',
    message: expect.stringContaining(words),
  });
});

test("TensorFlow's native package is refused, and what to import is said", async () => {
  const folder = await project({ 'workload.js': `import * as tf from '@tensorflow/tfjs-node'; export default tf;` });
  await expect(bundleWorkload(join(folder, 'workload.js'))).rejects.toThrow(
    'workload.js imports @tensorflow/tfjs-node, a native library: import @tensorflow/tfjs',
  );
});

test('a package that another one does without is left out', async () => {
  const folder = await project({
    'workload.js': `import careful from 'careful'; export default careful;`,
    ...installed('careful', `try { module.exports = require('absent'); } catch { module.exports = 1; }`),
  });
  await expect(bundleWorkload(join(folder, 'workload.js'))).resolves.toHaveProperty('sha256');
});

test('a file that does not compile is told with its place', async () => {
  const folder = await project({ 'workload.ts': `export default {{` });
  await expect(bundleWorkload(join(folder, 'workload.ts'))).rejects.toThrow(/Expected .* \(workload\.ts, line 1\)/);
});
