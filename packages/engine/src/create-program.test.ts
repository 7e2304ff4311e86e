import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Model } from '@convoy/model/architecture';
import { CompiledProgram } from './compiled/compiled-program.ts';
import { createProgram, faultOf } from './create-program.ts';
import { EagerProgram } from './eager-program.ts';
import { batchFor, draw, small } from './eager-program.fixture.ts';
import type { Engine } from './backends/engine.ts';
import { loadEngine } from './backends/load.ts';
import { initialValues } from '@convoy/model/initial-values';
import type { Program } from './program.ts';
import { selfTest } from './self-test.ts';

/** TensorFlow where this machine has it; on one that computes with WASM nothing is compiled or cached. */
const engine = await loadEngine({ engine: 'auto', threads: 1, onFallback: (reason) => console.info(reason) });
const compiles = engine.name === 'tensorflow';
let cacheDir: string;
let notes: string[];

beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'convoy-create-'));
  notes = [];
});
afterEach(() => rmSync(cacheDir, { recursive: true }));

const create = (model: Model, on: Engine = engine) =>
  createProgram(on, model, { cacheDir, onNote: (note) => notes.push(note) });

describe('createProgram', () => {
  it('compiles for TensorFlow only, says nothing, and holds no tensor of the comparison but its own parameters', () => {
    const before = engine.tf.memory().numTensors;
    const program = create(small);
    expect(program).toBeInstanceOf(compiles ? CompiledProgram : EagerProgram);
    expect(notes).toEqual([]);
    expect(selfTest(program, small).passed).toBe(true);
    program.dispose();
    expect(engine.tf.memory().numTensors).toBe(before);
  });

  it('finds the graph of the last time in the cache, and rebuilds a damaged one', () => {
    create(small).dispose();
    if (!compiles) return expect(readdirSync(cacheDir)).toEqual([]);
    const [name] = readdirSync(join(cacheDir, 'graphs'));
    const file = join(cacheDir, 'graphs', name!, 'saved_model.pb');
    const written = statSync(file, { bigint: true });
    create(small).dispose();
    expect(statSync(file, { bigint: true })).toMatchObject({ ino: written.ino, mtimeNs: written.mtimeNs });

    const intact = readFileSync(file);
    writeFileSync(file, intact.subarray(0, intact.length / 2));
    const program = create(small);
    expect(program).toBeInstanceOf(CompiledProgram);
    expect(readFileSync(file).equals(intact)).toBe(true);
    expect(readdirSync(join(cacheDir, 'graphs'))).toEqual([name]);
    program.dispose();
    expect(notes).toEqual([]);
  });

  it('runs a model that can not be compiled operation by operation, and says so in a line', () => {
    const broken = {
      loadSavedModelMetaGraph() {
        throw new Error('the graph is not valid\nat …');
      },
    };
    const tf = Object.create(engine.tf, { backend: { value: () => broken } }) as Engine['tf'];
    expect(create(small, { ...engine, tf })).toBeInstanceOf(EagerProgram);
    const note = 'the model is not compiled and runs operation by operation: the graph is not valid';
    expect(notes).toEqual(compiles ? [note] : []);
  });

  it('runs operation by operation on another engine, without a note', () => {
    expect(create(small, { ...engine, name: 'wasm' })).toBeInstanceOf(EagerProgram);
    expect(notes).toEqual([]);
  });
});

describe('faultOf', () => {
  /** A program whose gradient was tampered with. */
  function tampered(change: (gradient: Float32Array) => void): { program: Program; eager: Program } {
    const eager = new EagerProgram(engine, small);
    const program: Program = {
      setParameters: (values) => eager.setParameters(values),
      drawAhead: (dropout) => eager.drawAhead(dropout),
      evaluate: (batch) => eager.evaluate(batch),
      predict: (inputs) => eager.predict(inputs),
      said: (outputs) => eager.said(outputs),
      gradient: (batch, dropout, into) => {
        const sums = eager.gradient(batch, dropout, into);
        change(into);
        return sums;
      },
      dispose: () => eager.dispose(),
    };
    return { program, eager };
  }

  it('finds none in a program that agrees', () => {
    const { program, eager } = tampered(() => {});
    expect(faultOf(program, eager, small)).toBeNull();
    eager.dispose();
  });

  it.each<[string, (gradient: Float32Array) => void, RegExp]>([
    ['one tensor left out', (g) => g.fill(0, small.tensors.at(-1)!.offset), /differs by \d/],
    ['a value that is not a number', (g) => g.fill(NaN, 3, 4), /differs by NaN/],
    [
      'an error of its own',
      () => {
        throw new Error('no such kernel\nat …');
      },
      /^no such kernel$/,
    ],
  ])('tells of %s', (_, change, expected) => {
    const { program, eager } = tampered(change);
    expect(faultOf(program, eager, small)).toMatch(expected);
    eager.dispose();
  });

  it('finds none in what compiling made, with dropout that a mask of its own draws', () => {
    const program = create(small);
    program.setParameters(initialValues(small, 5));
    const into = new Float32Array(small.parameterCount);
    const other = into.slice();
    const batch = batchFor(small, 8);
    program.gradient(batch, draw(8), into);
    program.gradient(batch, null, other);
    expect(into).not.toEqual(other);
    program.dispose();
  });
});
