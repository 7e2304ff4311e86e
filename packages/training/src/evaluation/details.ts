import {
  LIKELIEST_CLASSES,
  MATRIX_CLASSES,
  SHOWN_SAMPLES,
  SHOWN_VALUES,
  WORST_SAMPLES,
  type EvaluationDetails,
  type SamplePrediction,
} from '@convoy/protocol/evaluation-details';
import type { Range } from '../sampling.ts';
import { ConfusedPairs, ConfusionMatrix, faultOfMatrix, faultOfPairs, type ConfusionCount } from './confusion.ts';
import { ranked } from './ranked.ts';

/** What an evaluation is of. */
export interface EvaluationKind {
  /** Null in a regression. */
  readonly classes: number | null;
  /** Values of a sample in a regression. */
  readonly outputs: number;
  /** Of the whole evaluation. */
  readonly samples: number;
}

/** Some samples in a row, evaluated. */
export interface EvaluatedSamples {
  /** The first one's place among the evaluation's samples. */
  readonly first: number;
  /** None in a regression. */
  readonly labels_N: Int32Array;
  readonly classes_N: Int32Array;
  readonly losses_N: Float32Array;
  /** Probabilities, or values. @param n a sample, from the first on. */
  readonly saidOf: (n: number) => Float64Array;
}

/** Probabilities are told in steps of so much: nobody reads more, and JSON gets shorter. */
const PROBABILITY_STEPS = 10_000;

/** The samples that are shown at every evaluation: evenly over all, so of every class where they lie sorted. Rising. */
export function shownSamples({ classes, samples }: EvaluationKind): readonly number[] {
  const count = Math.min(samples, classes === null ? SHOWN_SAMPLES.values : SHOWN_SAMPLES.classes);
  return Array.from({ length: count }, (_, n) => Math.floor(((n + 0.5) * samples) / count));
}

/** Gathers what is shown of an evaluation. What it has gathered in the end does not depend on the order of the blocks, nor on how they were cut. */
export class DetailsGathering {
  readonly #kind: EvaluationKind;
  readonly #wanted: readonly number[];
  readonly confusion: ConfusionMatrix | ConfusedPairs | null;
  #shown: SamplePrediction[] = [];
  #worst: SamplePrediction[] = [];

  constructor(kind: EvaluationKind) {
    const { classes } = kind;
    this.#kind = kind;
    this.#wanted = shownSamples(kind);
    this.confusion =
      classes === null ? null : classes <= MATRIX_CLASSES ? new ConfusionMatrix(classes) : new ConfusedPairs(classes);
  }

  add({ first, labels_N, classes_N, losses_N, saidOf }: EvaluatedSamples): void {
    const { classes } = this.#kind;
    const confusion: ConfusionCount | null = this.confusion;
    confusion?.add(labels_N, classes_N);
    const predictionOf = (n: number) => predictionOfSample(first + n, losses_N[n]!, saidOf(n), classes !== null);
    for (const index of this.#wanted) {
      if (index >= first && index < first + losses_N.length) this.#shown.push(predictionOf(index - first));
    }
    const floor = this.#worst.length < WORST_SAMPLES ? -Infinity : sizeOf(this.#worst.at(-1)!.loss);
    const mistakes: { n: number; index: number; loss: number }[] = [];
    for (const [n, loss] of losses_N.entries()) {
      if (sizeOf(loss) < floor || (classes !== null && classes_N[n] === labels_N[n])) continue;
      mistakes.push({ n, index: first + n, loss });
    }
    const worst = mistakes.sort(worstFirst).slice(0, WORST_SAMPLES);
    this.#worst = [...this.#worst, ...worst.map(({ n }) => predictionOf(n))].sort(worstFirst).slice(0, WORST_SAMPLES);
  }

  /** Takes in what another gathering has of other blocks. */
  merge({ confusion, shown, worst }: EvaluationDetails): void {
    this.confusion?.merge(confusion);
    this.#shown.push(...shown);
    this.#worst = [...this.#worst, ...worst].sort(worstFirst).slice(0, WORST_SAMPLES);
  }

  get details(): EvaluationDetails {
    return {
      confusion: this.confusion?.toBytes() ?? new Uint8Array(0),
      shown: this.#shown.sort((a, b) => a.index - b.index),
      worst: this.#worst,
    };
  }
}

/**
 * What no honest worker says of a block.
 * @param part the block's samples among the evaluation's. @param correct those that it says are taken for what they are.
 * @returns null when there is nothing.
 */
export function faultOfDetails(
  { confusion, shown, worst }: EvaluationDetails,
  kind: EvaluationKind,
  part: Range,
  correct: number,
): string | null {
  const { classes } = kind;
  const samples = part.end - part.start;
  const fault =
    classes === null
      ? confusion.byteLength === 0
        ? null
        : 'a confusion of values'
      : classes <= MATRIX_CLASSES
        ? faultOfMatrix(confusion, classes, samples, correct)
        : faultOfPairs(confusion, classes, samples, correct);
  if (fault !== null) return fault;
  const wanted = shownSamples(kind).filter((index) => index >= part.start && index < part.end);
  if (shown.length !== wanted.length || shown.some(({ index }, n) => index !== wanted[n]))
    return 'other samples to show';
  const candidates = classes === null ? samples : samples - correct;
  if (worst.length !== Math.min(WORST_SAMPLES, candidates)) return 'another number of worst samples';
  const isInOrder = worst.every((each, n) => n === 0 || worstFirst(worst[n - 1]!, each) < 0);
  const isOfPart = worst.every(({ index }) => index >= part.start && index < part.end);
  if (!isInOrder || !isOfPart) return 'worst samples in another order';
  return [...shown, ...worst].every((each) => isPossible(each, kind)) ? null : 'a prediction that no model makes';
}

/** Whether a model may say that. */
function isPossible({ labels, outputs }: SamplePrediction, kind: EvaluationKind): boolean {
  const { classes } = kind;
  if (classes === null) return labels.length === 0 && outputs.length === Math.min(kind.outputs, SHOWN_VALUES);
  const count = Math.min(classes, LIKELIEST_CLASSES);
  if (labels.length !== count || outputs.length !== count || new Set(labels).size !== count) return false;
  return labels.every((label) => label < classes) && outputs.every((output) => Number.isNaN(output) || isShare(output));
}

function isShare(value: number): boolean {
  return value >= 0 && value <= 1;
}

function predictionOfSample(index: number, loss: number, said: Float64Array, isOfClasses: boolean): SamplePrediction {
  if (!isOfClasses) return { index, loss, labels: [], outputs: Array.from(said.subarray(0, SHOWN_VALUES)) };
  const likeliest = ranked(said).slice(0, LIKELIEST_CLASSES);
  return {
    index,
    loss,
    labels: likeliest.map(({ label }) => label),
    outputs: likeliest.map(({ probability }) => Math.round(PROBABILITY_STEPS * probability) / PROBABILITY_STEPS),
  };
}

/** The largest loss first, of equals the first sample: an order of all samples. */
function worstFirst(
  a: { readonly loss: number; readonly index: number },
  b: { readonly loss: number; readonly index: number },
): number {
  const [left, right] = [sizeOf(a.loss), sizeOf(b.loss)];
  return left === right ? a.index - b.index : left > right ? -1 : 1;
}

/** A loss that is not a number is as bad as there is. */
function sizeOf(loss: number): number {
  return Number.isNaN(loss) ? Infinity : loss;
}
