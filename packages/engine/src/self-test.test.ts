import { describe, expect, it } from 'vitest';
import { placeArchitecture } from '@convoy/model/architecture';
import { EagerProgram } from './eager-program.ts';
import type { Program } from './program.ts';
import { loadEngine } from './backends/load.ts';
import { assertPassed, assertRepeatable, selfTest } from './self-test.ts';

const engine = await loadEngine({ engine: 'auto', threads: 1, onFallback: (reason) => console.info(reason) });

describe('a self-test that failed', () => {
  it('says that the model has no gradient where nothing flows through it', () => {
    const model = placeArchitecture([
      { type: 'input', name: 'in', shape: [4] },
      { type: 'rescaling', name: 'nothing', scale: 0 },
      { type: 'dense', name: 'out', units: 3, activation: 'softmax', useBias: false },
    ]);
    const program = new EagerProgram(engine, model);
    expect(() => assertPassed(selfTest(program, model))).toThrow(
      "the model's gradient is zero, or not finite, with its first parameters: look for a layer that lets nothing through, or a rescaling that is far off",
    );
    program.dispose();
  });

  it('says that the engine changes its arithmetic while it runs', () => {
    const model = placeArchitecture([
      { type: 'input', name: 'in', shape: [4] },
      { type: 'dense', name: 'out', units: 3, activation: 'softmax' },
    ]);
    const program = new EagerProgram(engine, model);
    const test = selfTest(program, model);
    assertRepeatable(program, model, 4, test);
    let runs = 0;
    const drifting: Program = {
      setParameters: (values) => program.setParameters(values),
      gradient(batch, draw, out) {
        const sums = program.gradient(batch, draw, out);
        if (++runs > 2) out[0]! += 2 ** -20;
        return sums;
      },
      evaluate: (batch) => program.evaluate(batch),
      predict: (inputs) => program.predict(inputs),
      dispose: () => program.dispose(),
    } as Program;
    expect(() => assertRepeatable(drifting, model, 4, test)).toThrow(
      'this engine gives a gradient other bits when it computes it again',
    );
    program.dispose();
  });

  it('says that the engine is wrong where its gradient is not that of its loss', () => {
    expect(() => assertPassed({ passed: false, error: 0.5, fingerprint: '' })).toThrow(
      'this engine computes wrong gradients (off by 50.0 %): try --engine wasm, or ONEDNN_MAX_CPU_ISA=AVX2',
    );
  });
});
