import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { loadedApart } from './apart.ts';
import { copyTensorflow } from './tensorflow-copy.fixture.ts';
import { loadWasm } from './wasm.ts';

const require = createRequire(import.meta.url);
it('another copy of TensorFlow.js prints nothing, changes no gradient of ours and computes for itself', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
  const tf = await loadWasm();
  const gradient = tf.getGradient('Relu');
  const folder = mkdtempSync(join(tmpdir(), 'convoy-own-tensorflow-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const other = require(copyTensorflow(folder)) as typeof tfjs;
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
