import type { Model } from '@convoy/model/architecture';
import { compile } from './compiled/compile.ts';
import { EagerProgram } from './eager-program.ts';
import type { Engine } from './backends/engine.ts';
import type { Program } from './program.ts';
import { fixedGradient, fixedParameters, selfTest } from './self-test.ts';

export interface ProgramOptions {
  /** Where compiled graphs are kept, see {@link import('@convoy/model/cache-directory').cacheDirectory}; it need not be writable. */
  readonly cacheDir: string;
  /** Told in one line why a model runs operation by operation where it should have been compiled. */
  readonly onNote: (note: string) => void;
}

/**
 * ‖compiled − eager‖ / ‖eager‖. Both round to float32 (6e-8), in different orders; 1e-6 is seen. A wrong gradient of one
 * layer is off by a part of a whole.
 */
const AGREEMENT = 1e-5;

/**
 * The fastest program for the model on this engine that computes the right gradient: compiled on TensorFlow, if the graph
 * can be built, agrees with the eager program on a small batch and with finite differences; else eager. The caller
 * owns it.
 *
 * Which of the two it is shows in the bits of its gradients, so in {@link selfTest}'s fingerprint: a deterministic run
 * takes one kind only.
 */
export function createProgram(engine: Engine, model: Model, { cacheDir, onNote }: ProgramOptions): Program {
  const eager = new EagerProgram(engine, model);
  if (engine.name !== 'tensorflow') return eager;
  let compiled: Program;
  try {
    compiled = compile(engine, model, cacheDir);
  } catch (error) {
    onNote(`the model is not compiled and runs operation by operation: ${firstLine(error)}`);
    return eager;
  }
  const fault = faultOf(compiled, eager, model);
  if (fault === null) {
    eager.dispose();
    return compiled;
  }
  compiled.dispose();
  onNote(`the compiled model is not used and it runs operation by operation: ${fault}`);
  return eager;
}

/** What is wrong with a compiled program, or null. */
export function faultOf(compiled: Program, eager: Program, model: Model): string | null {
  try {
    const parameters = fixedParameters(model);
    const ours = fixedGradient(compiled, model, { parameters });
    const theirs = fixedGradient(eager, model, { parameters });
    const { trainableCount } = model;
    const difference = distance(ours.subarray(0, trainableCount), theirs.subarray(0, trainableCount));
    // NaN is no agreement either.
    if (!(difference <= AGREEMENT)) return `its gradient differs by ${difference.toExponential(1)}`;
    const drift = distance(ours.subarray(trainableCount), theirs.subarray(trainableCount));
    if (trainableCount < ours.length && !(drift <= AGREEMENT)) {
      return `its batch statistics differ by ${drift.toExponential(1)}`;
    }
    const { passed, error } = selfTest(compiled, model, undefined, parameters);
    return passed ? null : `its gradient is off finite differences by ${(100 * error).toFixed(1)} %`;
  } catch (error) {
    return firstLine(error);
  }
}

/** ‖a − b‖ / ‖b‖. */
function distance(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let square = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    square += b[i]! ** 2;
  }
  return Math.sqrt(difference / square);
}

function firstLine(error: unknown): string {
  return (error as Error).message.split('\n')[0]!;
}
