import { cacheDirectory } from '@convoy/cifar10/cache-directory';
import { createProgram } from '@convoy/cifar10/create-program';
import { loadEngine } from '@convoy/cifar10/engine/load';
import { models } from '@convoy/cifar10/models';
import type { Program } from '@convoy/cifar10/program';
import { computeOptions, threadsPerWorker, type EngineFlags } from '@convoy/worker/options';
import type { RunParameters } from './run-parameters.ts';

/** A class by its label, and its probability from 0 to 1. */
export interface Guess {
  readonly label: number;
  readonly probability: number;
}

/** Asks a run's model what images show. It needs no data set. */
export class Predictor {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  /**
   * @param onNote told in one line what is not as it should be: another engine, a model that is not compiled.
   * @throws OperatorError when no engine loads.
   */
  static async open(
    flags: EngineFlags,
    { config, values }: RunParameters,
    environment: NodeJS.ProcessEnv,
    onNote: (line: string) => void,
  ): Promise<Predictor> {
    const threads = threadsPerWorker(flags, config.deterministic, 1);
    const engine = await loadEngine({ ...computeOptions(flags, threads, environment), onFallback: onNote });
    const cacheDir = cacheDirectory(environment, process.platform);
    const program = createProgram(engine, models[config.model], { cacheDir, onNote });
    program.setParameters(values);
    return new Predictor(program);
  }

  /**
   * One image at a time: in a batch the last bits would depend on where in it an image stands.
   * @param image uint8 RGB of shape [32, 32, 3].
   * @returns every class, the likeliest first; of equals the one with the lower label.
   */
  predict(image: Uint8Array): readonly Guess[] {
    return ranked(this.#program.probabilities(image));
  }

  close(): void {
    this.#program.dispose();
  }
}

function ranked(probabilities: Float64Array): Guess[] {
  return Array.from(probabilities, (probability, label) => ({ label, probability })).sort(
    (a, b) => b.probability - a.probability || a.label - b.label,
  );
}
