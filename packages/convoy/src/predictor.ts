import type { Model } from '@convoy/model/architecture';
import type { Inputs } from '@convoy/model/dataset';
import { cacheDirectory } from '@convoy/model/cache-directory';
import { createProgram } from '@convoy/engine/create-program';
import { loadEngine } from '@convoy/engine/backends/load';
import type { Program } from '@convoy/engine/program';
import { ranked, type Guess } from '@convoy/training/evaluation/ranked';
import { computeOptions, threadsPerWorker, type EngineOptions } from '@convoy/worker/engine-options';
import type { RunParameters } from './run-parameters.ts';
import { usableEngine } from './local-engine.ts';

/** Asks a run's model what it takes samples for. It needs no data set. */
export class Predictor {
  readonly #program: Program;
  readonly #model: Model;

  private constructor(program: Program, model: Model) {
    this.#program = program;
    this.#model = model;
  }

  /**
   * @param onNote told in one line what is not as it should be: another engine, a model that is not compiled.
   * @throws OperatorError when no engine loads.
   */
  static async open(
    flags: EngineOptions,
    { config, model, values }: RunParameters,
    environment: NodeJS.ProcessEnv,
    onNote: (line: string) => void,
  ): Promise<Predictor> {
    const threads = threadsPerWorker(flags, config.deterministic, 1);
    const usable = { ...flags, engine: await usableEngine(flags.engine, onNote) };
    const engine = await loadEngine({ ...computeOptions(usable, threads, environment, onNote), onFallback: onNote });
    const cacheDir = cacheDirectory(environment, process.platform);
    const program = createProgram(engine, model, { cacheDir, onNote });
    program.setParameters(values);
    return new Predictor(program, model);
  }

  /**
   * @param image as the model takes it: uint8 RGB of shape [32, 32, 3] for CIFAR-10.
   * @returns every class, the likeliest first; of equals the one with the lower label.
   */
  predict(image: Inputs): readonly Guess[] {
    return ranked(this.ask(image));
  }

  /**
   * One sample at a time: in a batch the last bits would depend on where in it a sample stands.
   * @param input one sample, of the model's input type and as long as its shape's product.
   * @returns the probability of each class, by label, or the values of a model that was trained on values.
   * @throws RangeError when it is not one sample.
   */
  ask(input: Inputs): Float64Array {
    const { size, type, shape } = this.#model.input;
    if (input.length !== size || input instanceof Uint8Array !== (type === 'uint8')) {
      throw new RangeError(`the model takes ${size} values of ${type}, of shape [${shape.join(', ')}]`);
    }
    return this.#program.predict(input);
  }

  close(): void {
    this.#program.dispose();
  }
}
