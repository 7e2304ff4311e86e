import { createHash, type Hash } from 'node:crypto';
import type { Dataset, Inputs, Split } from '@convoy/model/dataset';
import { float32Bytes } from '@convoy/protocol/tensor';

/** Samples of each split that are read twice. */
const READ_TWICE = 32;
/** Samples of each split that are looked at where a fingerprint saves reading all. */
const SOME = 512;

/** What reading the samples shows. */
export interface Inspection {
  /** sha256 (hex) of every sample that was read: of all, what tells data sets apart. */
  readonly digest: string;
  /** What will most likely keep the model from learning, a line each. */
  readonly notes: readonly string[];
}

type Samples = Pick<Dataset, 'name' | 'trainCount' | 'testCount' | 'inputShape' | 'inputType' | 'classNames' | 'read'>;

/**
 * Reads the samples, or some of them spread evenly over the splits, then a few again in another order.
 * @throws RangeError naming a sample that is not as it must be, or that differs when it is read again.
 */
export function inspectSamples(data: Samples, coverage: 'all' | 'some'): Inspection {
  const size = data.inputShape.reduce((product, dimension) => product * dimension, 1);
  const input = data.inputType === 'uint8' ? new Uint8Array(size) : new Float32Array(size);
  const hash = createHash('sha256').update(`${data.name}\n${data.classNames.join('\n')}\n`);
  const seen = new Observations();
  const kept: { readonly split: Split; readonly index: number; readonly digest: string }[] = [];
  for (const [split, count] of [
    ['train', data.trainCount],
    ['test', data.testCount],
  ] as const) {
    hash.update(`${split} ${count}\n`);
    const again = new Set(spread(count, READ_TWICE));
    const indices = coverage === 'all' ? Array.from({ length: count }).keys() : spread(count, SOME);
    for (const index of indices) {
      const truth = data.read(split, index, input, 0);
      addSample(hash, input, truth);
      seen.add(split, input, truth);
      if (again.has(index)) kept.push({ split, index, digest: digestOf(input, truth) });
    }
  }
  for (const { split, index, digest } of inAnotherOrder(kept)) {
    const truth = data.read(split, index, input, 0);
    if (digestOf(input, truth) === digest) continue;
    throw new RangeError(
      `sample ${index} of ${split} is another one when it is read again: what read gives must depend on split and index alone`,
    );
  }
  return { digest: hash.digest('hex'), notes: seen.notes(data, coverage) };
}

/** At most `most` indices below `count`, the first and the last among them, in their order. */
function spread(count: number, most: number): readonly number[] {
  if (count <= most) return Array.from({ length: count }, (_, index) => index);
  return Array.from({ length: most }, (_, n) => Math.floor((n * (count - 1)) / (most - 1)));
}

/** Backwards, and from one split to the other and back: neither the sample before nor the split is the one of the first time. */
function inAnotherOrder<Sample extends { readonly split: Split }>(samples: readonly Sample[]): readonly Sample[] {
  const backwards = samples.toReversed();
  const [train, test] = (['train', 'test'] as const).map((split) =>
    backwards.filter((sample) => sample.split === split),
  );
  return Array.from({ length: READ_TWICE }, (_, n) => [train![n], test![n]])
    .flat()
    .filter((sample) => sample !== undefined);
}

type Truth = number | ArrayLike<number>;

function addSample(hash: Hash, input: Inputs, truth: Truth): void {
  const values = Float32Array.from(typeof truth === 'number' ? [truth] : Array.from(truth));
  hash.update(input instanceof Uint8Array ? input : float32Bytes(input)).update(float32Bytes(values));
}

function digestOf(input: Inputs, truth: Truth): string {
  const hash = createHash('sha256');
  addSample(hash, input, truth);
  return hash.digest('hex');
}

/** What the samples have in common that no data to learn from has. */
class Observations {
  #samples = 0;
  #first: Inputs | null = null;
  #inputsDiffer = false;
  #greatestByte = 0;
  #firstTruth: readonly number[] | null = null;
  #truthsDiffer = false;

  add(split: Split, input: Inputs, truth: Truth): void {
    this.#samples++;
    if (this.#first === null) this.#first = input.slice();
    else if (!this.#inputsDiffer) this.#inputsDiffer = !areEqual(input, this.#first);
    // Above 1 nothing is asked any more.
    if (input instanceof Uint8Array && this.#greatestByte <= 1) {
      this.#greatestByte = input.reduce((most, value) => Math.max(most, value), this.#greatestByte);
    }
    if (split !== 'train' || this.#truthsDiffer) return;
    const values = typeof truth === 'number' ? [truth] : Array.from(truth);
    if (this.#firstTruth === null) this.#firstTruth = values;
    else this.#truthsDiffer = !areEqual(values, this.#firstTruth);
  }

  notes({ inputType, trainCount, classNames }: Samples, coverage: 'all' | 'some'): readonly string[] {
    if (this.#samples < 3) return [];
    const notes: string[] = [];
    const which = coverage === 'all' ? 'all samples' : `all ${this.#samples} samples that were looked at`;
    if (inputType === 'uint8' && this.#greatestByte <= 1) {
      notes.push(
        `the inputs of ${which} are ${this.#greatestByte === 0 ? '0' : '0 or 1'}, where uint8 is for bytes from 0 to 255, which are divided by 255 (a fraction becomes 0): give bytes, or inputType: 'float32'`,
      );
    } else if (!this.#inputsDiffer) {
      notes.push(`${which} have the same input: there is nothing to learn from`);
    }
    if (!this.#truthsDiffer && trainCount > 1) {
      const [value] = this.#firstTruth!;
      const what =
        classNames.length > 0 ? `label, ${value} (${classNames[value!]})` : `values, ${this.#firstTruth!.join(', ')}`;
      notes.push(`the training samples ${coverage === 'all' ? '' : 'that were looked at '}all have the same ${what}`);
    }
    return notes;
  }
}

function areEqual(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
