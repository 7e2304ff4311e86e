import { describe, expect, it } from 'vitest';
import { placeArchitecture } from '@convoy/model/architecture';
import { EagerProgram } from './eager-program.ts';
import { loadEngine } from './backends/load.ts';
import { assertPassed, selfTest } from './self-test.ts';

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

  it('says that the engine is wrong where its gradient is not that of its loss', () => {
    expect(() => assertPassed({ passed: false, error: 0.5, fingerprint: '' })).toThrow(
      'this engine computes wrong gradients (off by 50.0 %): try --engine wasm, or ONEDNN_MAX_CPU_ISA=AVX2',
    );
  });
});
