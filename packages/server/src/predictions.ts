import type { Dataset, Inputs } from '@convoy/model/dataset';
import { imagesOf } from '@convoy/model/image-samples';
import { classesOf, type Loss } from '@convoy/model/loss';
import { thumbnail } from '@convoy/pictures/thumbnail';
import { MATRIX_CLASSES, type EvaluationDetails, type SamplePrediction } from '@convoy/protocol/evaluation-details';
import type { Confusion, RunFact, ShownPrediction } from '@convoy/protocol/run-events';
import type { RunConfig } from '@convoy/protocol/run-config';
import { imageKey, type LoggedImages } from '@convoy/run-store/logged-images';
import type { EvaluationTask } from '@convoy/training/coordinator/events';
import { ConfusionMatrix } from '@convoy/training/evaluation/confusion';
import { DetailsGathering, faultOfDetails, type EvaluationKind } from '@convoy/training/evaluation/details';
import { planEvaluation, type Range, type RunPlan } from '@convoy/training/sampling';

/** All of a run's images in its log, as base64: of what comes later there are no images. */
const MAX_IMAGE_BYTES = 4 * 1024 * 1024;
/** The pairs of classes that are confused most often, where there are too many for a matrix. */
const TOLD_PAIRS = 50;
/** A confused pair in a message, and the classes that it can name. */
const PAIR_BYTES = 8;
const MOST_CLASSES = 65_535;
/** Digits of a loss or a value that are told. */
const DIGITS = 6;

export interface PredictionsOptions {
  readonly dataset: Dataset;
  readonly model: { readonly loss: Loss; readonly outputs: number };
  readonly config: RunConfig;
  readonly plan: RunPlan;
  /** What a result of the run may take beside its sums. */
  readonly gradientBytes: number;
  /** The images that the run's log has. */
  readonly logged: LoggedImages;
  /** Told in one line why nothing is shown of an evaluation. */
  readonly onNote: (line: string) => void;
}

/** What is shown of an evaluation: images that were not shown before, and what is said of them. */
export interface ShownEvaluation {
  readonly images: readonly RunFact[];
  readonly predictions: readonly RunFact[];
}

const NOTHING: ShownEvaluation = { images: [], predictions: [] };

/** Gathers what workers say of samples beside an evaluation's sums, and makes events of it. */
export class Predictions {
  readonly #options: PredictionsOptions;
  readonly #input: Inputs;
  #gathering: DetailsGathering | null = null;
  #imageBytes: number;
  readonly #seen: Set<string>;

  constructor(options: PredictionsOptions) {
    this.#options = options;
    const { inputShape, inputType } = options.dataset;
    const size = inputShape.reduce((product, dimension) => product * dimension, 1);
    this.#input = inputType === 'uint8' ? new Uint8Array(size) : new Float32Array(size);
    this.#seen = new Set(options.logged.keys);
    this.#imageBytes = options.logged.bytes;
  }

  /** Whether workers are asked for more than an evaluation's sums: it must fit a message, however the evaluation is leased. */
  isAsked(purpose: EvaluationTask['purpose']): boolean {
    const { classes, samples } = this.#kindOf(purpose);
    if (classes === null || classes <= MATRIX_CLASSES) return true;
    return classes <= MOST_CLASSES && PAIR_BYTES * samples <= this.#options.gradientBytes;
  }

  /** An evaluation begins: what was gathered of another is not wanted. */
  open({ purpose }: EvaluationTask): void {
    this.#gathering = this.isAsked(purpose) ? new DetailsGathering(this.#kindOf(purpose)) : null;
  }

  /**
   * What no honest worker says of a block, or null.
   * @param part the block's samples, as {@link planEvaluation} counts them. @param correct how many it says are taken for what they are.
   */
  faultOf(
    details: EvaluationDetails | undefined,
    { purpose }: EvaluationTask,
    part: Range,
    correct: number,
  ): string | null {
    if (!this.isAsked(purpose)) return details === undefined ? null : 'details that nobody asked for';
    if (details === undefined) return 'an evaluation without its details';
    const { start } = this.#planOf(purpose).indices;
    const among = { start: part.start - start, end: part.end - start };
    return faultOfDetails(details, this.#kindOf(purpose), among, correct);
  }

  collect(details: EvaluationDetails): void {
    this.#gathering?.merge(details);
  }

  /** What there is to show of the evaluation whose blocks are all in. */
  conclude({ purpose, step, epoch }: EvaluationTask): ShownEvaluation {
    const gathering = this.#gathering;
    this.#gathering = null;
    if (gathering === null) return NOTHING;
    const { shown, worst } = gathering.details;
    try {
      const images = [...shown, ...worst].flatMap(({ index }) => this.#imageOf(purpose, index));
      const told = (each: SamplePrediction) => this.#predictionOf(purpose, each);
      const samples = { shown: shown.map(told), worst: worst.map(told) };
      const about = { type: 'predictions', purpose, step, epoch } as const;
      return { images, predictions: [{ ...about, ...this.#confusionOf(gathering), ...samples }] };
    } catch (error) {
      // Training goes on without its pictures.
      this.#options.onNote(`the samples of the ${purpose} can't be shown: ${(error as Error).message}`);
      return NOTHING;
    }
  }

  #confusionOf({ confusion }: DetailsGathering): { readonly confusion: Confusion | null } {
    const { classNames } = this.#options.dataset;
    if (confusion === null) return { confusion: null };
    if (confusion instanceof ConfusionMatrix) {
      return { confusion: { classes: classNames, counts: confusion.counts } };
    }
    const pairs = confusion.most(TOLD_PAIRS).map(({ label, predicted, samples }) => ({
      truth: classNames[label]!,
      predicted: classNames[predicted]!,
      samples,
    }));
    return { confusion: { pairs } };
  }

  #predictionOf(purpose: EvaluationTask['purpose'], prediction: SamplePrediction): ShownPrediction {
    const { classNames } = this.#options.dataset;
    const { index, loss, labels, outputs } = prediction;
    const truth = this.#read(purpose, index);
    if (typeof truth === 'number' && classNames.length > 0) {
      const top = labels.map((label, n) => ({ class: classNames[label]!, probability: outputs[n]! }));
      return { index, loss: rounded(loss), truth: classNames[truth]!, top };
    }
    const values = typeof truth === 'number' ? [truth] : Array.from(truth);
    const [right, said] = [values.slice(0, outputs.length), outputs].map((some) => some.map(rounded));
    return { index, loss: rounded(loss), truth: right!, values: said! };
  }

  /** Nothing for a sample that was shown before, that is no image, or that there is no room for. */
  #imageOf(purpose: EvaluationTask['purpose'], index: number): readonly RunFact[] {
    const { inputShape: shape, inputType: type } = this.#options.dataset;
    const samples = imagesOf({ shape, type });
    const key = imageKey(purpose, index);
    if (samples === null || this.#seen.has(key)) return [];
    this.#read(purpose, index);
    const { size, channels } = samples;
    const bytes = this.#input as Uint8Array;
    const { width, height, png } = thumbnail({ width: size, height: size, channels, bytes });
    const text = Buffer.from(png).toString('base64');
    if (this.#imageBytes + text.length > MAX_IMAGE_BYTES) return [];
    this.#imageBytes += text.length;
    this.#seen.add(key);
    return [{ type: 'sample-image', purpose, index, width, height, png: text }];
  }

  /** Reads a sample's input. @returns its label or values. */
  #read(purpose: EvaluationTask['purpose'], index: number): number | ArrayLike<number> {
    const { split, indices } = this.#planOf(purpose);
    return this.#options.dataset.read(split, indices.start + index, this.#input, 0);
  }

  #planOf(purpose: EvaluationTask['purpose']) {
    const { config, plan } = this.#options;
    return planEvaluation(purpose, config, plan);
  }

  #kindOf(purpose: EvaluationTask['purpose']): EvaluationKind {
    const { model } = this.#options;
    const { start, end } = this.#planOf(purpose).indices;
    return { classes: classesOf(model), outputs: model.outputs, samples: end - start };
  }
}

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
