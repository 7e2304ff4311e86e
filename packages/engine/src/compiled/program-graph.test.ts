import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { placeArchitecture } from '@convoy/model/architecture';
import { loadEngine } from '../backends/load.ts';
import { createProgram } from '../create-program.ts';

const engine = await loadEngine({ engine: 'auto', threads: 1, onFallback: (reason) => console.info(reason) });
const cacheDir = mkdtempSync(join(tmpdir(), 'convoy-graph-'));
afterAll(() => rmSync(cacheDir, { recursive: true }));

it('a model of a single tensor has a graph that TensorFlow takes', () => {
  const model = placeArchitecture([
    { type: 'input', name: 'in', shape: [4] },
    { type: 'dense', name: 'out', units: 3, activation: 'softmax', useBias: false },
  ]);
  createProgram(engine, model, { cacheDir, onNote: (note) => expect.fail(note) }).dispose();
});
