import * as v from 'valibot';
import { wholeNumber } from './numbers.ts';

/** A confusion matrix of more classes is not sent: the pairs that are confused are. */
export const MATRIX_CLASSES = 100;
/** Samples that are shown at each evaluation of a classification, and of a regression. */
export const SHOWN_SAMPLES = { classes: 12, values: 48 } as const;
/** The samples with the largest loss. */
export const WORST_SAMPLES = 12;
/** The likeliest classes of a sample, and the first of its values. */
export const LIKELIEST_CLASSES = 3;
export const SHOWN_VALUES = 4;

/** A number that JSON may have no word for: a model that diverges is the run's concern, not a malformed message. */
const figure = v.union([v.number(), v.nan()]);

/** What the model says of one sample. */
export const SamplePredictionSchema = v.strictObject({
  /** Among the evaluation's samples, from 0. */
  index: wholeNumber,
  loss: figure,
  /** The likeliest classes, the likeliest first; none in a regression. */
  labels: v.pipe(v.array(wholeNumber), v.maxLength(LIKELIEST_CLASSES)),
  /** Their probabilities, or the first values of a regression. */
  outputs: v.pipe(v.array(figure), v.maxLength(Math.max(LIKELIEST_CLASSES, SHOWN_VALUES))),
});
export type SamplePrediction = v.InferOutput<typeof SamplePredictionSchema>;

const bytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes');

/** What an evaluation says beside its sums, of one block or of all. */
export const EvaluationDetailsSchema = v.strictObject({
  /**
   * Up to {@link MATRIX_CLASSES} classes: samples by true class (row) and predicted class (column), uint32 little-endian. Of more
   * classes: the pairs that are confused, each as true class, predicted class and samples (uint16, uint16, uint32), rising. Empty
   * in a regression.
   */
  confusion: bytes,
  /** Those of the samples to be shown that are in the block, by their index. */
  shown: v.pipe(v.array(SamplePredictionSchema), v.maxLength(Math.max(...Object.values(SHOWN_SAMPLES)))),
  /** Of the samples that are taken for another class, or of all of a regression, those with the largest loss; of equals the first. */
  worst: v.pipe(v.array(SamplePredictionSchema), v.maxLength(WORST_SAMPLES)),
});
export type EvaluationDetails = v.InferOutput<typeof EvaluationDetailsSchema>;
