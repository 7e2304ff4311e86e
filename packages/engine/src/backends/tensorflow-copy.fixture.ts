import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** What TensorFlow.js consists of. */
const PARTS = [
  'tfjs',
  'tfjs-core',
  'tfjs-backend-cpu',
  'tfjs-backend-webgl',
  'tfjs-converter',
  'tfjs-data',
  'tfjs-layers',
];

/**
 * Puts a copy of TensorFlow.js into a project's node_modules, so that Node takes it for another module than ours.
 * @param project its folder. @returns the path of the copy.
 */
export function copyTensorflow(project: string): string {
  const installed = dirname(dirname(dirname(require.resolve('@tensorflow/tfjs/package.json'))));
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, '@tensorflow'), { recursive: true });
  for (const part of PARTS) {
    const target = join(modules, '@tensorflow', part);
    cpSync(join(installed, '@tensorflow', part, 'package.json'), join(target, 'package.json'));
    const { main } = require(join(target, 'package.json')) as { main: string };
    cpSync(join(installed, '@tensorflow', part, main), join(target, main));
  }
  for (const dependency of ['long', 'seedrandom', 'node-fetch', 'string_decoder']) {
    symlinkSync(join(installed, dependency), join(modules, dependency), 'dir');
  }
  return join(modules, '@tensorflow', 'tfjs');
}
