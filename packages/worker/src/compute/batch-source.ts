import type { Batch } from '@convoy/engine/program';
import type { Model } from '@convoy/model/architecture';
import { Augmenter } from '@convoy/model/augment';
import { readBatch } from '@convoy/model/batch';
import type { Dataset, Inputs, Split } from '@convoy/model/dataset';
import { softTargets } from '@convoy/model/soft-targets';
import type { ImageShape } from '@convoy/model/transform';
import type { RunConfig } from '@convoy/protocol/run-config';
import { epochOrder, type RunPlan, type Range } from '@convoy/training/sampling';

export interface BatchSourceOptions {
  readonly config: RunConfig;
  readonly model: Model;
  readonly dataset: Dataset;
  readonly plan: RunPlan;
}

/**
 * A run's samples as its program takes them. All batches share one kept buffer: each is valid until the next is read.
 */
export class BatchSource {
  readonly dataset: Dataset;
  readonly #config: RunConfig;
  readonly #model: Model;
  readonly #plan: RunPlan;
  readonly #augmenter: Augmenter | null;
  #inputs: Inputs = new Uint8Array(0);
  #order: { readonly epoch: number; readonly positions: Uint32Array } | null = null;
  /** A micro-batch that was read before it was asked for, while its inputs are still in `#inputs`. */
  #ahead: { readonly epoch: number; readonly part: Range; readonly batch: Batch } | null = null;

  constructor({ config, model, dataset, plan }: BatchSourceOptions) {
    this.dataset = dataset;
    this.#config = config;
    this.#model = model;
    this.#plan = plan;
    const { augmentation } = config;
    this.#augmenter =
      augmentation === null ? null : new Augmenter(augmentation, model.input.shape as unknown as ImageShape);
  }

  /**
   * A training micro-batch: augmented, with soft targets where the run smooths or mixes labels. A pure function of its arguments and
   * the run's configuration.
   * @param part positions in the epoch's order.
   */
  trainingBatch(epoch: number, part: Range): Batch {
    const ahead = this.#ahead;
    if (ahead?.epoch === epoch && ahead.part.start === part.start && ahead.part.end === part.end) return ahead.batch;
    const { seed, labelSmoothing } = this.#config;
    const batch = this.samples('train', this.trainingSamples(epoch, part));
    if (this.#augmenter === null && labelSmoothing === 0) return batch;
    const { images: inputs, mixing } = this.#augmenter?.augment(batch.inputs as Uint8Array, {
      seed,
      epoch,
      positions: part,
    }) ?? { images: batch.inputs, mixing: null };
    if (mixing === null && labelSmoothing === 0) return { ...batch, inputs };
    return { ...batch, inputs, targets: softTargets(batch.labels, mixing, this.#model.outputs, labelSmoothing) };
  }

  /** Which samples a training micro-batch has. @param part positions in the epoch's order. */
  trainingSamples(epoch: number, part: Range): Int32Array {
    return Int32Array.from(this.#orderOf(epoch).subarray(part.start, part.end));
  }

  /** Reads a training micro-batch that will probably be asked for next. A wrong guess costs only the time. */
  readAhead(epoch: number, part: Range): void {
    this.#ahead = { epoch, part, batch: this.trainingBatch(epoch, part) };
  }

  /** Samples as the data set has them. @param indices within the split. */
  samples(split: Split, indices: Int32Array): Batch {
    this.#ahead = null;
    const { size, type } = this.#model.input;
    const length = indices.length * size;
    const Values = type === 'uint8' ? Uint8Array : Float32Array;
    if (!(this.#inputs instanceof Values) || this.#inputs.length < length) this.#inputs = new Values(length);
    const inputs = this.#inputs.subarray(0, length);
    const { labels, values } = readBatch(this.dataset, split, indices, inputs);
    return { inputs, labels, ...(values === null ? {} : { targets: values }) };
  }

  #orderOf(epoch: number): Uint32Array {
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, positions: epochOrder(this.#config, epoch, this.#plan.trainSamples) };
    }
    return this.#order.positions;
  }
}
