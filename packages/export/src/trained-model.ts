import type { Model } from '@convoy/model/architecture';
import type { TensorEntry } from '@convoy/protocol/tensor';

/** A model with its parameters, and what whoever opens the export will want to know. */
export interface TrainedModel {
  /** The architecture's name. */
  readonly name: string;
  readonly model: Model;
  /** The flat vector of `model.tensors`. */
  readonly values: Float32Array;
  readonly origin: Origin;
}

/** Where parameters come from and how they are used. Kept in every format that has a place for it. */
export interface Origin {
  /** The run's id. */
  readonly run: string;
  readonly step: number;
  /** sha256 (hex) of the flat vector, as the run's own files state it. */
  readonly parametersSha256: string;
  /** In the order of the outputs. */
  readonly classNames: readonly string[];
  /** What an input's values are, e.g. how pixels are scaled. */
  readonly input: string;
}

/** The values of one tensor: a view, not a copy. */
export function tensorValues({ values }: TrainedModel, { offset, size }: TensorEntry): Float32Array {
  return values.subarray(offset, offset + size);
}

/** @throws RangeError when the vector is not the model's. */
export function assertFits({ name, model, values }: TrainedModel): void {
  if (values.length === model.parameterCount) return;
  throw new RangeError(`${name} has ${model.parameterCount} parameters, not ${values.length}`);
}
