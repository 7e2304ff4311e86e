import type { Tensor } from '@tensorflow/tfjs';
import type { Model } from '@convoy/model/architecture';
import { biasedVariance, writeStatistics } from '../batch-statistics.ts';
import { BYTE_SCALE } from '@convoy/model/batch';
import type { Inputs } from '@convoy/model/dataset';
import type { DropoutDraw } from '@convoy/model/dropout';
import { DropoutMasks } from '../dropout-masks.ts';
import type { Engine } from '../backends/engine.ts';
import { sumOfLosses } from '@convoy/model/loss';
import type { Batch, BatchEvaluation, BatchSums, Program } from '../program.ts';
import { lossProgram, type LossProgram } from '../losses.ts';
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
  readonly #loss: LossProgram;
  #parameters: Tensor[] = [];

  /** @param session of `graph`; the program owns it from now on. */
  constructor(engine: Engine, model: Model, graph: ProgramGraph, session: Session) {
    this.#engine = engine;
    this.#model = model;
    this.#graph = graph;
    this.#session = session;
    this.#values = new Float32Array(model.parameterCount);
    this.#masks = new DropoutMasks(model);
    this.#loss = lossProgram(model.loss);
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
      const samples = batch.inputs.length / this.#model.input.size;
      const { training, softTraining } = this.#graph;
      const results = batch.targets === undefined ? training : softTraining;
      const feeds = [...this.#inputFeeds(batch.inputs), this.#expected(batch), ...this.#maskFeeds(dropout, samples)];
      const fetches = [results.losses, results.predictions, results.gradient];
      const [losses_N, predictions, slopes_P] = this.#session.run(feeds, fetches);
      gradient.set(slopes_P!.dataSync<'float32'>());
      this.#multiplyStatistics(samples, gradient);
      sums = this.#sumsOf(batch, losses_N!, predictions!);
    });
    return sums;
  }

  drawAhead(dropout: DropoutDraw): void {
    this.#masks.of(dropout);
  }

  evaluate(batch: Batch): BatchEvaluation {
    let result!: BatchEvaluation;
    this.#engine.tf.tidy(() => {
      const { evaluation } = this.#graph;
      const feeds = [...this.#inputFeeds(batch.inputs), this.#expected(this.#loss.evaluated(batch))];
      const fetches = [evaluation.losses, evaluation.predictions, evaluation.outputs];
      const [losses_N, predictions, outputs_NO] = this.#session.run(feeds, fetches);
      result = {
        ...this.#sumsOf(batch, losses_N!, predictions!),
        losses_N: losses_N!.dataSync<'float32'>(),
        classes_N: this.#loss.classes(predictions!),
        outputs_NO: outputs_NO!.dataSync<'float32'>(),
      };
    });
    return result;
  }

  predict(inputs: Inputs): Float64Array {
    const values = this.#engine.tf.tidy(() => {
      const [outputs] = this.#session.run(this.#inputFeeds(inputs), [this.#graph.evaluation.outputs]);
      return outputs!.dataSync<'float32'>();
    });
    return this.said(values);
  }

  said(outputs_NO: Float32Array): Float64Array {
    return this.#loss.said(outputs_NO, this.#model.outputs);
  }

  dispose(): void {
    this.#disposeParameters();
    this.#session.dispose();
  }

  #disposeParameters(): void {
    this.#engine.tf.dispose(this.#parameters);
    this.#parameters = [];
  }

  #expected({ labels, targets }: Batch): Feed {
    if (targets === undefined) return [this.#graph.labels, this.#engine.tf.tensor1d(labels, 'int32')];
    const { outputs } = this.#model;
    const shape: [number, number] = [targets.length / outputs, outputs];
    return [this.#graph.targets, this.#engine.tf.tensor2d(targets, shape, 'float32')];
  }

  #inputFeeds(values: Inputs): Feed[] {
    const { tf } = this.#engine;
    const { inputs, byteScale, parameters } = this.#graph;
    const { shape: sample, size } = this.#model.input;
    const shape = [values.length / size, ...sample];
    return [
      ...parameters.map((input, index): Feed => [input, this.#parameters[index]!]),
      [inputs, values instanceof Uint8Array ? { uint8: values, shape } : tf.tensor(values, shape, 'float32')],
      ...(byteScale === null ? [] : [[byteScale, tf.scalar(BYTE_SCALE)] as const]),
    ];
  }

  /** The tail comes as the batch's statistics and is wanted as their sums over the samples, variances biased. */
  #multiplyStatistics(samples: number, gradient: Float32Array): void {
    for (const placed of this.#model.layers) {
      if (placed.parameters.every(({ momentum }) => momentum === undefined)) continue;
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
    return this.#graph.masks.map(({ layer, shape, input }) => [
      input,
      this.#engine.tf.tensor(masks.get(layer)!, [samples, ...shape], 'float32'),
    ]);
  }

  #sumsOf(batch: Batch, losses_N: Tensor, predictions: Tensor): BatchSums {
    const { outputs, input } = this.#model;
    return {
      samples: batch.inputs.length / input.size,
      lossSum: sumOfLosses(losses_N.dataSync<'float32'>()),
      metricSum: this.#loss.metricSum(predictions, batch, outputs),
    };
  }
}
