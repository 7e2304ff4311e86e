import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Model } from './architecture.ts';
import { scaleImages } from './batch.ts';
import { writeStatistics } from './batch-statistics.ts';
import type { DropoutDraw } from './dropout.ts';
import { DropoutMasks } from './dropout-masks.ts';
import type { Engine } from './engine/engine.ts';
import { forward, type ForwardMode, type MaskTensors } from './forward.ts';
import type { Batch, BatchSums, Program } from './program.ts';
import { softmax } from './softmax.ts';

/** Without dropout, and with the moving statistics. */
const INFERENCE: ForwardMode = { masks: new Map(), onStatistics: null };

/** Runs a model operation by operation through the tape of TensorFlow.js. */
export class EagerProgram implements Program {
  readonly #engine: Engine;
  readonly #model: Model;
  /** Kept, so that every step's upload comes from memory that is mapped already. */
  readonly #values: Float32Array;
  readonly #masks: DropoutMasks;
  #pixels = new Float32Array(0);
  #parameters: Tensor[] = [];

  constructor(engine: Engine, model: Model) {
    this.#engine = engine;
    this.#model = model;
    this.#values = new Float32Array(model.parameterCount);
    this.#masks = new DropoutMasks(model);
  }

  setParameters(parameters: Float32Array): void {
    const { tf } = this.#engine;
    // A tensor shares its array until it is first used: the old tensors must go before the array changes.
    this.dispose();
    this.#values.set(parameters);
    this.#parameters = this.#model.tensors.map(({ shape, offset, size }) =>
      tf.tensor(this.#values.subarray(offset, offset + size), [...shape], 'float32'),
    );
  }

  gradient(batch: Batch, dropout: DropoutDraw | null, gradient: Float32Array): BatchSums {
    const { tf } = this.#engine;
    const { tensors } = this.#model;
    const samples = batch.labels.length;
    let sums!: BatchSums;
    tf.tidy(() => {
      const mode: ForwardMode = {
        masks: dropout === null ? new Map<number, Tensor2D>() : this.#maskTensors(dropout, samples),
        onStatistics: (placed, statistics) => writeStatistics(placed, statistics, samples, gradient),
      };
      const trained = this.#parameters.filter((_, index) => tensors[index]!.momentum === undefined);
      const statistics = this.#parameters.slice(trained.length);
      const loss = (...parameters: Tensor[]): Scalar => {
        const losses_N = this.#losses([...parameters, ...statistics], batch, mode, (value) => (sums = value));
        return tf.sum(losses_N);
      };
      const slopes = tf.grads(loss)(trained);
      for (const [index, slope] of slopes.entries()) gradient.set(slope.dataSync<'float32'>(), tensors[index]!.offset);
    });
    return sums;
  }

  drawAhead(dropout: DropoutDraw): void {
    this.#masks.of(dropout);
  }

  evaluate(batch: Batch): BatchSums {
    let sums!: BatchSums;
    const { images, labels } = batch;
    const report = (value: BatchSums) => (sums = value);
    this.#engine.tf.tidy(() => void this.#losses(this.#parameters, { images, labels }, INFERENCE, report));
    return sums;
  }

  probabilities(images: Uint8Array): Float64Array {
    const logits = this.#engine.tf.tidy(() => {
      const images_NHWC = this.#images(images);
      return forward(this.#engine, this.#model, this.#parameters, images_NHWC, INFERENCE).dataSync<'float32'>();
    });
    return softmax(logits, this.#model.classes);
  }

  dispose(): void {
    this.#engine.tf.dispose(this.#parameters);
    this.#parameters = [];
  }

  #losses(parameters: readonly Tensor[], batch: Batch, mode: ForwardMode, report: (sums: BatchSums) => void): Tensor1D {
    const { tf, kernels } = this.#engine;
    const { labels, targets } = batch;
    const logits_NC = forward(this.#engine, this.#model, parameters, this.#images(batch.images), mode);
    const losses_N =
      targets === undefined
        ? kernels.sparseSoftmaxCrossEntropy(tf.tensor1d(labels, 'int32'), logits_NC)
        : this.#softLosses(targets, logits_NC);
    const predictions = tf.tidy(() => tf.argMax(logits_NC, 1).dataSync<'int32'>());
    report({
      samples: labels.length,
      // In float64 and in the samples' order: the same bits whatever sum an engine would make of it.
      lossSum: losses_N.dataSync<'float32'>().reduce((sum, loss) => sum + loss, 0),
      correct: labels.reduce((correct, label, n) => correct + (predictions[n] === label ? 1 : 0), 0),
    });
    return losses_N;
  }

  #softLosses(targets: Float32Array, logits_NC: Tensor2D): Tensor1D {
    const { tf } = this.#engine;
    const expected_NC = tf.tensor2d(targets, logits_NC.shape, 'float32');
    return tf.neg(tf.sum<Tensor1D>(tf.mul(expected_NC, tf.logSoftmax(logits_NC)), 1));
  }

  /** Scaled into a kept buffer, which the tensor may share: at most one of them lives at a time. */
  #images(images: Uint8Array): Tensor4D {
    const [height, width, channels] = this.#model.layers[0]!.outputShape;
    const samples = images.length / (height! * width! * channels!);
    if (this.#pixels.length < images.length) this.#pixels = new Float32Array(images.length);
    const pixels = this.#pixels.subarray(0, images.length);
    scaleImages(images, pixels);
    return this.#engine.tf.tensor4d(pixels, [samples, height!, width!, channels!], 'float32');
  }

  #maskTensors(draw: DropoutDraw, samples: number): MaskTensors {
    const tensorOf = (mask: Float32Array) =>
      this.#engine.tf.tensor2d(mask, [samples, mask.length / samples], 'float32');
    return new Map(Array.from(this.#masks.of(draw), ([index, mask]) => [index, tensorOf(mask)]));
  }
}
