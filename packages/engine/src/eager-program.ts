import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs';
import type { Model } from '@convoy/model/architecture';
import { scaleBytes } from '@convoy/model/batch';
import { writeStatistics } from './batch-statistics.ts';
import type { DropoutDraw } from '@convoy/model/dropout';
import type { Inputs } from '@convoy/model/dataset';
import { DropoutMasks } from './dropout-masks.ts';
import type { Engine } from './backends/engine.ts';
import { forward, type ForwardMode, type MaskTensors } from './forward.ts';
import { sumOfLosses } from '@convoy/model/loss';
import type { Batch, BatchEvaluation, BatchSums, Program } from './program.ts';
import { lossProgram, type LossProgram } from './losses.ts';

/** Without dropout, and with the moving statistics. */
const INFERENCE: ForwardMode = { masks: new Map(), onStatistics: null };

/** Runs a model operation by operation through the tape of TensorFlow.js. */
export class EagerProgram implements Program {
  readonly #engine: Engine;
  readonly #model: Model;
  /** Kept, so that every step's upload comes from memory that is mapped already. */
  readonly #values: Float32Array;
  readonly #masks: DropoutMasks;
  readonly #loss: LossProgram;
  #floats = new Float32Array(0);
  #parameters: Tensor[] = [];

  constructor(engine: Engine, model: Model) {
    this.#engine = engine;
    this.#model = model;
    this.#values = new Float32Array(model.parameterCount);
    this.#masks = new DropoutMasks(model);
    this.#loss = lossProgram(model.loss);
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
    const samples = batch.inputs.length / this.#model.input.size;
    let sums!: BatchSums;
    tf.tidy(() => {
      const mode: ForwardMode = {
        masks: dropout === null ? new Map<number, Tensor>() : this.#maskTensors(dropout, samples),
        onStatistics: (placed, statistics) => writeStatistics(placed, statistics, samples, gradient),
      };
      const trained = this.#parameters.filter((_, index) => tensors[index]!.momentum === undefined);
      const statistics = this.#parameters.slice(trained.length);
      const loss = (...parameters: Tensor[]): Scalar => {
        const { losses_N, predictions } = this.#forward([...parameters, ...statistics], batch, mode);
        sums = this.#sumsOf(batch, losses_N, predictions);
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

  evaluate(batch: Batch): BatchEvaluation {
    let result!: BatchEvaluation;
    this.#engine.tf.tidy(() => {
      const expected = this.#loss.evaluated(batch);
      const { losses_N, predictions, outputs_NO } = this.#forward(this.#parameters, expected, INFERENCE);
      result = {
        ...this.#sumsOf(expected, losses_N, predictions),
        losses_N: losses_N.dataSync<'float32'>(),
        classes_N: this.#loss.classes(predictions),
        outputs_NO: outputs_NO.dataSync<'float32'>(),
      };
    });
    return result;
  }

  predict(inputs: Inputs): Float64Array {
    const values = this.#engine.tf.tidy(() =>
      forward(this.#engine, this.#model, this.#parameters, this.#inputs(inputs), INFERENCE).dataSync<'float32'>(),
    );
    return this.said(values);
  }

  said(outputs_NO: Float32Array): Float64Array {
    return this.#loss.said(outputs_NO, this.#model.outputs);
  }

  dispose(): void {
    this.#engine.tf.dispose(this.#parameters);
    this.#parameters = [];
  }

  #forward(parameters: readonly Tensor[], batch: Batch, mode: ForwardMode) {
    const outputs_NO = forward(this.#engine, this.#model, parameters, this.#inputs(batch.inputs), mode);
    const losses_N = this.#loss.losses(this.#engine, outputs_NO, batch);
    return { losses_N, predictions: this.#loss.predictions(this.#engine.tf, outputs_NO), outputs_NO };
  }

  #sumsOf(batch: Batch, losses_N: Tensor1D, predictions: Tensor): BatchSums {
    const { input, outputs } = this.#model;
    return {
      samples: batch.inputs.length / input.size,
      lossSum: sumOfLosses(losses_N.dataSync<'float32'>()),
      metricSum: this.#loss.metricSum(predictions, batch, outputs),
    };
  }

  /** Written to a kept buffer, which the tensor may share: at most one of them lives at a time. */
  #inputs(inputs: Inputs): Tensor {
    const { shape, size } = this.#model.input;
    if (this.#floats.length < inputs.length) this.#floats = new Float32Array(inputs.length);
    const floats = this.#floats.subarray(0, inputs.length);
    if (inputs instanceof Uint8Array) scaleBytes(inputs, floats);
    else floats.set(inputs);
    return this.#engine.tf.tensor(floats, [inputs.length / size, ...shape], 'float32');
  }

  #maskTensors(draw: DropoutDraw, samples: number): MaskTensors {
    const { layers } = this.#model;
    const tensorOf = (index: number, mask: Float32Array) =>
      this.#engine.tf.tensor(mask, [samples, ...layers[index]!.inputShape], 'float32');
    return new Map(Array.from(this.#masks.of(draw), ([index, mask]) => [index, tensorOf(index, mask)]));
  }
}
