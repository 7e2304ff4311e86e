import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BYTE_SCALE, scaleBytes } from '@convoy/model/batch';
import { loadEngine } from '../backends/load.ts';
import { withGraphDirectory } from './graph-directory.ts';
import { Graph } from './graph.ts';
import { divideBytes } from './operations.ts';
import { savedModelBytes } from './saved-model.ts';
import { Session } from './session.ts';
import { Tape } from './tape.ts';

const engine = await loadEngine({ engine: 'auto', threads: 1, onFallback: (reason) => console.info(reason) });
let cacheDir: string;

beforeAll(() => (cacheDir = mkdtempSync(join(tmpdir(), 'convoy-session-'))));
afterAll(() => rmSync(cacheDir, { recursive: true }));

test('bytes of any number and place in memory come out of a graph divided to the last bit, and no tensor stays', () => {
  // On a machine that computes with WASM nothing is compiled.
  if (engine.name !== 'tensorflow') return;
  const graph = new Graph();
  const bytes = graph.placeholder('bytes', 'uint8', [-1]);
  const divisor = graph.placeholder('divisor', 'float32', []);
  const quotient = divideBytes(new Tape(graph), bytes, divisor);
  const session = withGraphDirectory(savedModelBytes(graph.nodes), cacheDir, (at) => new Session(engine, at));
  const before = engine.tf.memory().numTensors;
  for (const length of [256, 255, 5, 1, 0]) {
    // At an odd address: TensorFlow aligns what it is given.
    const uint8 = new Uint8Array(length + 1).subarray(1).map((_, value) => value);
    const expected = new Float32Array(length);
    scaleBytes(uint8, expected);
    const [result] = engine.tf.tidy(() => {
      const feeds = [
        [bytes, { uint8, shape: [length] }],
        [divisor, engine.tf.scalar(BYTE_SCALE)],
      ] as const;
      return session.run(feeds, [quotient]).map((tensor) => tensor.dataSync<'float32'>().slice());
    });
    expect(result).toEqual(expected);
  }
  expect(engine.tf.memory().numTensors).toBe(before);
  expect(() => session.run([[bytes, { uint8: new Uint8Array(3), shape: [2] }]], [quotient])).toThrow(
    'Shape does not match',
  );
  session.dispose();
});
