import type { Tensor } from '@tensorflow/tfjs';
import type { Model } from '../architecture.ts';
import { biasedVariance, writeStatistics } from '../batch-statistics.ts';
import { PIXEL_SCALE } from '../batch.ts';
import type { DropoutDraw } from '../dropout.ts';
import { DropoutMasks } from '../dropout-masks.ts';
import type { Engine } from '../engine/engine.ts';
import type { Batch, BatchSums, Program } from '../program.ts';
import { softmax } from '../softmax.ts';
import type { ProgramGraph } from './program-graph.ts';
import type { Feed, Session } from './session.ts';

/** Runs a model's forward and backward pass as one graph, which TensorFlow has optimised as a whole. */
export class CompiledProgram implements Program {
  readonly #engine: Engine;
  readonly #model: Model;
  readonly #graph: ProgramGraph;
  readonly #session: Session;
  /** Kept, so that every step's upload comes from memory that is mapped already. */
  readonly #values: Float32Array;
  readonly #masks: DropoutMasks;
  #parameters: Tensor[] = [];

  /** @param session of `graph`; the program owns it from now on. */
  constructor(engine: Engine, model: Model, graph: ProgramGraph, session: Session) {
    this.#engine = engine;
    this.#model = model;
    this.#graph = graph;
    this.#session = session;
    this.#values = new Float32Array(model.parameterCount);
    this.#masks = new DropoutMasks(model);
  }

  setParameters(parameters: Float32Array): void {
    const { tf } = this.#engine;
    // A tensor may share its array: the old tensors must go before the array changes.
    this.#disposeParameters();
    this.#values.set(parameters);
    this.#parameters = this.#model.tensors.map(({ shape, offset, size }) =>
      tf.tensor(this.#values.subarray(offset, offset + size), [...shape], 'float32'),
    );
  }

  gradient(batch: Batch, dropout: DropoutDraw | null, gradient: Float32Array): BatchSums {
    let sums!: BatchSums;
    this.#engine.tf.tidy(() => {
      const samples = batch.labels.length;
      const { training, softTraining } = this.#graph;
      const { losses, predictions, gradient: slopes } = batch.targets === undefined ? training : softTraining;
      const feeds = [...this.#imageFeeds(batch.images), this.#expected(batch), ...this.#maskFeeds(dropout, samples)];
      const [losses_N, predictions_N, slopes_P] = this.#session.run(feeds, [losses, predictions, slopes]);
      gradient.set(slopes_P!.dataSync<'float32'>());
      this.#multiplyStatistics(samples, gradient);
      sums = sumsOf(batch, losses_N!, predictions_N!);
    });
    return sums;
  }

  drawAhead(dropout: DropoutDraw): void {
    this.#masks.of(dropout);
  }

  evaluate(batch: Batch): BatchSums {
    let sums!: BatchSums;
    this.#engine.tf.tidy(() => {
      const { losses, predictions } = this.#graph.evaluation;
      const feeds = [...this.#imageFeeds(batch.images), this.#labels(batch.labels)];
      const [losses_N, predictions_N] = this.#session.run(feeds, [losses, predictions]);
      sums = sumsOf(batch, losses_N!, predictions_N!);
    });
    return sums;
  }

  probabilities(images: Uint8Array): Float64Array {
    const logits = this.#engine.tf.tidy(() => {
      const [logits_NC] = this.#session.run(this.#imageFeeds(images), [this.#graph.evaluation.logits]);
      return logits_NC!.dataSync<'float32'>();
    });
    return softmax(logits, this.#model.classes);
  }

  dispose(): void {
    this.#disposeParameters();
    this.#session.dispose();
  }

  #disposeParameters(): void {
    this.#engine.tf.dispose(this.#parameters);
    this.#parameters = [];
  }

  #labels(labels: Int32Array): Feed {
    return [this.#graph.labels, this.#engine.tf.tensor1d(labels, 'int32')];
  }

  #expected({ labels, targets }: Batch): Feed {
    if (targets === undefined) return this.#labels(labels);
    const shape: [number, number] = [labels.length, this.#model.classes];
    return [this.#graph.targets, this.#engine.tf.tensor2d(targets, shape, 'float32')];
  }

  #imageFeeds(images: Uint8Array): Feed[] {
    const shape = this.#model.layers[0]!.outputShape;
    const samples = images.length / shape.reduce((size, dimension) => size * dimension, 1);
    return [
      ...this.#graph.parameters.map((input, index): Feed => [input, this.#parameters[index]!]),
      [this.#graph.images, { uint8: images, shape: [samples, ...shape] }],
      [this.#graph.pixelScale, this.#engine.tf.scalar(PIXEL_SCALE)],
    ];
  }

  /** The tail comes as the batch's statistics and is wanted as their sums over the samples, variances biased. */
  #multiplyStatistics(samples: number, gradient: Float32Array): void {
    for (const placed of this.#model.layers) {
      if (placed.layer.type !== 'batch-normalization') continue;
      const [, , mean, variance] = placed.parameters;
      const values = samples * placed.inputShape[0]! * placed.inputShape[1]!;
      const mean_C = gradient.slice(mean!.offset, mean!.offset + mean!.size);
      const corrected_C = gradient.slice(variance!.offset, variance!.offset + variance!.size);
      writeStatistics(placed, { mean_C, variance_C: biasedVariance(corrected_C, values) }, samples, gradient);
    }
  }

  /** Without dropout the same graph runs, with masks of ones. */
  #maskFeeds(draw: DropoutDraw | null, samples: number): Feed[] {
    const masks = draw === null ? this.#masks.ones(samples) : this.#masks.of(draw);
    return this.#graph.masks.map(({ layer, units, input }) => [
      input,
      this.#engine.tf.tensor2d(masks.get(layer)!, [samples, units], 'float32'),
    ]);
  }
}

/** In float64 and in the samples' order: the same bits whatever sum TensorFlow would make of it. */
function sumsOf({ labels }: Batch, losses_N: Tensor, predictions_N: Tensor): BatchSums {
  const predictions = predictions_N.dataSync<'int32'>();
  return {
    samples: labels.length,
    lossSum: losses_N.dataSync<'float32'>().reduce((sum, loss) => sum + loss, 0),
    correct: labels.reduce((correct, label, n) => correct + (predictions[n] === label ? 1 : 0), 0),
  };
}
