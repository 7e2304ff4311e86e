import type { Dataset } from '@convoy/model/dataset';
import type { RunConfig } from '@convoy/protocol/run-config';
import { planRun } from '@convoy/training/sampling';
import type { Model } from '@convoy/model/architecture';

/** Samples of each part that are looked at. */
const SAMPLES = 1_000;
/** Fewer than this say nothing about how classes are spread. */
const SAMPLES_AT_LEAST = 20;
/** Share of the validation's labels that would have to be others to look like training's, above what chance does. */
const UNLIKE = 0.3;

/**
 * A line for the operator where the samples seem to be sorted, so that the validation, which is the last part of them, has other
 * classes or values than what is trained on; else null.
 */
export function sortedNote(config: RunConfig, dataset: Dataset): string | null {
  const { trainSamples, validationSamples } = planRun(config, dataset);
  if (Math.min(trainSamples, validationSamples) < SAMPLES_AT_LEAST) return null;
  const read = truthsOf(dataset);
  const [trained, heldOut] = [read(0, trainSamples), read(trainSamples, validationSamples)];
  const isOther =
    dataset.classNames.length > 0
      ? difference(trained, heldOut, dataset.classNames.length) > UNLIKE
      : Math.min(...heldOut) > Math.max(...trained) || Math.max(...heldOut) < Math.min(...trained);
  if (!isOther) return null;
  const what = dataset.classNames.length > 0 ? 'classes' : 'values';
  return `the samples seem to be sorted: the validation is the last ${validationSamples} of them and has other ${what} than the ${trainSamples} before it. Mix them in dataset(), in the same order every time, or use --validation-split 0`;
}

/** Reads labels, or first values, of some samples of a range of the train split. */
function truthsOf(dataset: Dataset): (start: number, count: number) => readonly number[] {
  const size = dataset.inputShape.reduce((product, dimension) => product * dimension, 1);
  const input = dataset.inputType === 'uint8' ? new Uint8Array(size) : new Float32Array(size);
  return (start, count) =>
    picks(count).map((pick) => {
      const truth = dataset.read('train', start + pick, input, 0);
      return typeof truth === 'number' ? truth : truth[0]!;
    });
}

/** Multiples of the golden ratio are spread over a range without a period, which labels may well have. */
function picks(count: number): readonly number[] {
  if (count <= SAMPLES) return Array.from({ length: count }, (_, index) => index);
  return Array.from({ length: SAMPLES }, (_, n) => Math.floor((((n + 1) * 0.6180339887498949) % 1) * count));
}

/** Half the sum of the differences of the classes' shares, from 0 to 1, less what it is expected to be among equal classes. */
function difference(a: readonly number[], b: readonly number[], classes: number): number {
  const shares = [a, b].map((labels) => {
    const counts = new Float64Array(classes);
    for (const label of labels) counts[label]! += 1 / labels.length;
    return counts;
  });
  const total = shares[0]!.reduce((sum, share, n) => sum + Math.abs(share - shares[1]![n]!), 0) / 2;
  // Σ √(2/π · p (1/n + 1/m)) / 2 for p = 1 / classes.
  const byChance = Math.sqrt((classes * (1 / a.length + 1 / b.length)) / (2 * Math.PI));
  return total - byChance;
}

/** What a model that scales bytes itself multiplies them by, at most: 1 / 255, 1 / 256 and 1 / 127.5 are meant. */
const SCALES_BYTES = 1 / 100;

/** A line for the operator where bytes, which the engine divides by 255, are scaled down once more by the model; else null. */
export function rescalingNote({ input, layers }: Model): string | null {
  if (input.type !== 'uint8') return null;
  let scale = 1;
  for (const { layer, parameters } of layers) {
    if (parameters.length > 0) break;
    if (layer.type === 'rescaling') scale *= layer.scale;
  }
  if (scale === 0 || Math.abs(scale) > SCALES_BYTES) return null;
  return "the model scales its inputs down itself (rescaling), after the engine has divided the bytes by 255: leave the layer out, or say inputType: 'float32' and give the bytes as numbers";
}
