// What people import: train, evaluate and ask a model from a program, and write a workload. docs/programmatic.md
//
// A workload is loaded by every process of a cluster and imports this file: what is heavy is loaded when it is called.
import type { EvaluateOptions } from '@convoy/convoy/evaluate';
import type { RunEvaluation } from '@convoy/convoy/evaluate-run';
import type { PredictorOptions } from '@convoy/convoy/open-predictor';
import type { Guess } from '@convoy/training/evaluation/ranked';

export type { EventsMissed, Outcome, Run } from '@convoy/convoy/run';
export { train } from '@convoy/convoy/train';
export type { TrainOptions } from '@convoy/convoy/train-options';
export { exitCodes, OperatorError } from '@convoy/protocol/errors';
export type { RunConfig } from '@convoy/protocol/run-config';
export type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
export {
  defineWorkload,
  type Architecture,
  type Layer,
  type Workload,
  type WorkloadDataset,
  type WorkloadModel,
} from '@convoy/convoy/workload';
export type { EvaluateOptions, Guess, PredictorOptions, RunEvaluation };

/** A run's model that can be asked. */
export interface Predictor {
  /** @returns every class of one sample, the likeliest first. */
  predict(input: Uint8Array | Float32Array): readonly Guess[];
  /** @returns the probability of each class, by label; of a regression its values. */
  ask(input: Uint8Array | Float32Array): Float64Array;
  close(): void;
}

/**
 * Evaluates a run's parameters in this process, piece by piece as the run itself does, and counts what is taken for what.
 * @param folder the run's.
 * @throws OperatorError when the run has no such parameters or samples, or the data or an engine can't be had.
 */
export async function evaluate(folder: string, options?: EvaluateOptions): Promise<RunEvaluation> {
  return (await import('@convoy/convoy/evaluate')).evaluate(folder, options);
}

/**
 * Asks the model of a run what samples show, in this process. Close it when nothing is asked any more.
 * @param folder the run's.
 * @throws OperatorError when the run has no such parameters, or no engine loads.
 */
export async function openPredictor(folder: string, options?: PredictorOptions): Promise<Predictor> {
  return (await import('@convoy/convoy/open-predictor')).openPredictor(folder, options);
}

/**
 * Reads an image file as a model takes it: a PNG, JPEG or WebP, turned upright, cut to the largest square around its centre,
 * resized to `size` · `size`.
 * @returns uint8 RGB of shape [size, size, 3].
 * @throws OperatorError in one line when the file is no image that can be read.
 */
export async function readImage(path: string, size: number): Promise<Uint8Array> {
  return (await import('@convoy/pictures/image-file')).readImage(path, size);
}
