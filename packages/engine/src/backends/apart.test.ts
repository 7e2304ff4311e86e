import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { loadedApart } from './apart.ts';
import { loadWasm } from './wasm.ts';

const require = createRequire(import.meta.url);
/** What TensorFlow.js consists of, each copied so that Node takes it for another module. */
const PARTS = [
  'tfjs',
  'tfjs-core',
  'tfjs-backend-cpu',
  'tfjs-backend-webgl',
  'tfjs-converter',
  'tfjs-data',
  'tfjs-layers',
];

/** The path of a copy of TensorFlow.js, as a project of its own has it. */
function ownCopy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'convoy-own-tensorflow-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const installed = dirname(dirname(dirname(require.resolve('@tensorflow/tfjs/package.json'))));
  const modules = join(folder, 'node_modules');
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

it('another copy of TensorFlow.js prints nothing, changes no gradient of ours and computes for itself', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
  const tf = await loadWasm();
  const gradient = tf.getGradient('Relu');
  const other = require(ownCopy()) as typeof tfjs;
  expect(other.engine()).not.toBe(tf.engine());
  expect(tf.getGradient('Relu')).toBe(gradient);
  expect(warn).not.toHaveBeenCalled();
  await other.setBackend('cpu');
  expect(other.getKernelsForBackend('wasm')).toEqual([]);
  expect(other.tensor1d([1, 2]).add(1).dataSync()).toEqual(Float32Array.of(2, 3));
  expect(tf.getBackend()).toBe('wasm');
  expect(tf.tensor1d([1, 2]).add(1).dataSync()).toEqual(Float32Array.of(2, 3));
});

it('nobody sees a window afterwards, whatever happened', () => {
  expect(loadedApart(() => 'window' in globalThis)).toBe(true);
  expect(() =>
    loadedApart(() => {
      throw new Error('not found');
    }),
  ).toThrow('not found');
  expect('window' in globalThis).toBe(false);
});
