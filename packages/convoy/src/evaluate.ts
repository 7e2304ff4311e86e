import { evaluateRun, type EvaluatedSplit, type RunEvaluation } from './evaluate-run.ts';
import { readRunParameters } from './run-parameters.ts';
import { computeOptions, threadsPerWorker } from '@convoy/worker/engine-options';
import type { PredictorOptions } from './open-predictor.ts';
import { forProgram, withOptionNames } from './option-names.ts';
import { quietTensorflow } from './local-engine.ts';

export interface EvaluateOptions extends PredictorOptions {
  /** The samples; those of the test when absent. */
  readonly split?: EvaluatedSplit | undefined;
  /** CIFAR-10's binary files; `$CIFAR10_DIR`, else the cache, else downloaded when absent. */
  readonly dataDir?: string | undefined;
}

/**
 * Evaluates a run's parameters in this process, piece by piece as the run itself does, and counts what is taken for what.
 * @param folder the run's.
 * @throws OperatorError when the run has no such parameters or samples, or the data or an engine can't be had.
 */
export function evaluate(folder: string, options: EvaluateOptions = {}): Promise<RunEvaluation> {
  return forProgram(() => evaluateFolder(folder, options));
}

async function evaluateFolder(folder: string, options: EvaluateOptions): Promise<RunEvaluation> {
  const { checkpoint, split = 'test', engine = 'auto', threads, dataDir, workload, onNote = () => {} } = options;
  quietTensorflow();
  const parameters = await readRunParameters(folder, checkpoint, workload);
  const count = threads ?? threadsPerWorker({ engine }, parameters.config.deterministic, 1);
  const flags = {
    engine,
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(workload === undefined ? {} : { workload }),
  };
  const told = (line: string) => onNote(withOptionNames(line));
  return evaluateRun(parameters, split, computeOptions(flags, count, process.env, told), told);
}
