import { Predictor } from './predictor.ts';
import { readRunParameters } from './run-parameters.ts';
import type { EngineChoice } from '@convoy/engine/backends/load';
import { forProgram, withOptionNames } from './option-names.ts';
import { quietTensorflow } from './local-engine.ts';

export interface PredictorOptions {
  /** A checkpoint by its name, `best` or `newest`; what the run ended with when absent. */
  readonly checkpoint?: string | undefined;
  readonly engine?: EngineChoice | undefined;
  readonly threads?: number | undefined;
  /** The file of the run's workload, where it trained one. */
  readonly workload?: string | undefined;
  /** Told in one line what is not as it should be: another engine, a model that is not compiled. */
  readonly onNote?: ((line: string) => void) | undefined;
}

/**
 * Asks the model of a run what images show, in this process. Close it when nothing is asked any more.
 * @param folder the run's.
 * @throws OperatorError when the run has no such parameters, or no engine loads.
 */
export function openPredictor(folder: string, options: PredictorOptions = {}): Promise<Predictor> {
  const { checkpoint, engine = 'auto', threads, workload, onNote = () => {} } = options;
  return forProgram(async () => {
    quietTensorflow();
    const parameters = await readRunParameters(folder, checkpoint, workload);
    const computing = { engine, ...(threads === undefined ? {} : { threads }) };
    return Predictor.open(computing, parameters, process.env, (line) => onNote(withOptionNames(line)));
  });
}
