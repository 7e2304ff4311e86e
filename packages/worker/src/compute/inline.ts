import { setImmediate as nextTurn } from 'node:timers/promises';
import { loadKernels } from '@convoy/numerics/load-vectors';
import { allocateVector } from '@convoy/numerics/vectors';
import type { Model } from '@convoy/model/architecture';
import { Augmenter } from '@convoy/model/augment';
import { readBatch } from '@convoy/model/batch';
import { cacheDirectory } from '@convoy/model/cache-directory';
import { createProgram } from '@convoy/engine/create-program';
import type { Dataset, Inputs, Split } from '@convoy/model/dataset';
import type { DropoutDraw } from '@convoy/model/dropout';
import type { Engine } from '@convoy/engine/backends/engine';
import { loadEngine } from '@convoy/engine/backends/load';
import type { Batch, Program } from '@convoy/engine/program';
import { assertPassed, selfTest } from '@convoy/engine/self-test';
import { softTargets } from '@convoy/model/soft-targets';
import type { ImageShape } from '@convoy/model/transform';
import type { Block } from '@convoy/protocol/messages';
import type { RunConfig } from '@convoy/protocol/run-config';
import { copyFloat32 } from '@convoy/protocol/tensor';
import { leavesOf } from '@convoy/numerics/blocks';
import { gradientArithmetic, type GradientArithmetic } from '@convoy/numerics/gradient-arithmetic';
import { TreeReduction, type Sums, type Tally } from '@convoy/numerics/reduction';
import {
  epochOrder,
  planRun,
  partOf,
  planEvaluation,
  planStep,
  type RunPlan,
  type Range,
} from '@convoy/training/sampling';
import { modelOf, openData } from '@convoy/workload/open-workload';
import {
  ComputeCancelled,
  type Compute,
  type ComputeOptions,
  type EngineFacts,
  type EvaluationWork,
  type GradientSums,
  type GradientWork,
  type Prepared,
} from './compute.ts';

/** What a run needs on this side, once it is known. */
interface Workload {
  readonly config: RunConfig;
  readonly model: Model;
  readonly plan: RunPlan;
  readonly dataset: Dataset;
  readonly program: Program;
  readonly gradients: GradientArithmetic;
  readonly augmenter: Augmenter | null;
  /** Leaf gradients that a reduction has given back. */
  readonly spare: Float32Array[];
}

/** Computes in the caller's thread, giving way to its other events between micro-batches. */
export class InlineCompute implements Compute {
  #options: ComputeOptions | null = null;
  #engine: Engine | null = null;
  #workload: Workload | null = null;
  #parametersStep = -1;
  #order: { readonly epoch: number; readonly positions: Uint32Array } | null = null;
  #lastGradient: Float32Array | null = null;
  #aligned: Float32Array | null = null;
  #inputs: Inputs = new Uint8Array(0);
  /** The last gradient's work: the next step's is likely the same block. */
  #lastWork: GradientWork | null = null;
  /** A micro-batch that was read before it was asked for, while its inputs are still in `#inputs`. */
  #ahead: { readonly epoch: number; readonly part: Range; readonly batch: Batch } | null = null;
  /** Element 0 is 1 when the call in progress is not wanted any more; another thread may set it. */
  readonly #cancelled: Int32Array<ArrayBufferLike>;

  constructor(cancelled: Int32Array<ArrayBufferLike> = new Int32Array(1)) {
    this.#cancelled = cancelled;
  }

  get tensors(): number {
    return this.#engine?.tf.memory().numTensors ?? 0;
  }

  async open(options: ComputeOptions): Promise<EngineFacts> {
    this.#options = options;
    loadKernels();
    let warning: string | null = null;
    this.#engine = await loadEngine({ ...options, onFallback: (reason) => (warning = reason) });
    const { name, version, threads } = this.#engine;
    return { name, version, threads, warning };
  }

  async prepare(config: RunConfig): Promise<Prepared> {
    const { dataDir, environment, workload } = this.#options!;
    this.#workload?.program.dispose();
    const model = await modelOf(config, workload);
    const dataset = await openData(config, { dataDir, environment, workload });
    let note: string | null = null;
    const program = createProgram(this.#engine!, model, {
      cacheDir: cacheDirectory(environment, process.platform),
      onNote: (line) => (note = line),
    });
    const test = selfTest(program, model, config.microBatchSize);
    assertPassed(test);
    this.#workload = {
      config,
      model,
      plan: planRun(config, dataset),
      dataset,
      program,
      gradients: gradientArithmetic(config.gradientFormat, model),
      augmenter: augmenterFor(config, model),
      spare: this.#workload?.model === model ? this.#workload.spare : [],
    };
    this.#order = null;
    this.#ahead = null;
    this.#lastWork = null;
    this.#parametersStep = -1;
    return {
      modelHash: model.hash,
      dataFingerprint: dataset.fingerprint,
      numericsFingerprint: test.fingerprint,
      dataset: { trainCount: dataset.trainCount, testCount: dataset.testCount },
      parameterCount: model.parameterCount,
      note,
    };
  }

  setParameters(step: number, values: Uint8Array): void {
    const { parameterCount } = this.#workload!.model;
    if (this.#aligned?.length !== parameterCount) this.#aligned = new Float32Array(parameterCount);
    copyFloat32(values, this.#aligned);
    this.takeParameters(step, this.#aligned);
  }

  /** {@link setParameters} with values that are aligned already; they may change once this returns. */
  takeParameters(step: number, values: Float32Array): void {
    this.#workload!.program.setParameters(values);
    this.#parametersStep = step;
  }

  async gradient({ step, block }: GradientWork): Promise<GradientSums> {
    const { config, model, plan, program, gradients, spare } = this.#ready(step);
    const { epoch, positions, microBatches } = planStep(step, config, plan);
    if (this.#lastGradient !== null) spare.push(this.#lastGradient);
    // Given back once, even when this call is cancelled: a vector that is twice among the spare ones would be two leaves'.
    this.#lastGradient = null;
    const sums = await this.#reduce(block, microBatches, (leaf) => {
      const part = partOf(positions, leaf, microBatches);
      const batch = this.#trainingBatch(epoch, part);
      const vector = spare.pop() ?? allocateVector(model.parameterCount);
      const sums = program.gradient(batch, drawOf(config, epoch, part), vector);
      gradients.round(vector);
      return { ...sums, vector };
    });
    const { samples, lossSum, metricSum, vector } = sums;
    this.#lastGradient = vector;
    this.#lastWork = { step, block };
    return { samples, lossSum, metricSum, gradient: gradients.pack(vector!) };
  }

  /**
   * Prepares the first micro-batch of what is likely asked for next, the last block in the next step: for the time in which the
   * server commits. Order, images and masks are functions of the place in the run, so a wrong guess costs only the time.
   */
  readAhead(): void {
    const last = this.#lastWork;
    this.#lastWork = null;
    if (last === null) return;
    const { config, plan, program } = this.#workload!;
    const step = last.step + 1;
    const { epoch, positions, microBatches } = planStep(step, config, plan);
    if (step >= plan.totalSteps || last.block.start >= microBatches) return;
    const part = partOf(positions, last.block.start, microBatches);
    this.#ahead = { epoch, part, batch: this.#trainingBatch(epoch, part) };
    const draw = drawOf(config, epoch, part);
    if (draw !== null) program.drawAhead(draw);
  }

  async evaluate({ step, purpose, block }: EvaluationWork): Promise<Tally> {
    const { config, plan, program } = this.#ready(step);
    const { split, indices, pieces } = planEvaluation(purpose, config, plan);
    return this.#reduce(block, pieces, (leaf) => {
      const part = partOf(indices, leaf, pieces);
      const batch = this.#read(
        split,
        Int32Array.from({ length: part.end - part.start }, (_, n) => part.start + n),
      );
      return { ...program.evaluate(batch), vector: null };
    });
  }

  /** What `prepare` opened. */
  get dataset(): Dataset {
    return this.#workload!.dataset;
  }

  /** Labels of samples of the data set, and what the model says of them, see {@link Program.predict}. */
  predict(split: Split, indices: Int32Array): { readonly labels: Int32Array; readonly predictions: Float64Array } {
    const { inputs, labels } = this.#read(split, indices);
    return { labels, predictions: this.#workload!.program.predict(inputs) };
  }

  cancel(): void {
    Atomics.store(this.#cancelled, 0, 1);
  }

  close(): Promise<void> {
    this.#workload?.program.dispose();
    return Promise.resolve();
  }

  /** Computes a block's leaves in order and adds them up the tree that the server continues. */
  async #reduce(block: Block, leaves: number, leafSums: (leaf: number) => Sums): Promise<Sums> {
    const { gradients, spare } = this.#workload!;
    Atomics.store(this.#cancelled, 0, 0);
    const tree = new TreeReduction(leaves, block, (vector) => spare.push(vector), gradients.add);
    const { start, end } = leavesOf(block, leaves);
    for (let leaf = start; leaf < end; leaf++) {
      if (leaf > start) await nextTurn();
      if (Atomics.load(this.#cancelled, 0) === 1) {
        tree.clear();
        throw new ComputeCancelled();
      }
      tree.add({ start: leaf, size: 1 }, leafSums(leaf));
    }
    return tree.total!;
  }

  #ready(step: number): Workload {
    if (this.#workload === null || this.#parametersStep !== step) {
      throw new Error(`asked to compute at step ${step} holding the parameters of step ${this.#parametersStep}`);
    }
    return this.#workload;
  }

  /** A training micro-batch, as it is fed: augmented, with what the loss expects of it. */
  #trainingBatch(epoch: number, part: Range): Batch {
    const ahead = this.#ahead;
    if (ahead?.epoch === epoch && ahead.part.start === part.start && ahead.part.end === part.end) return ahead.batch;
    const { config, model, augmenter } = this.#workload!;
    const batch = this.#read('train', Int32Array.from(this.#orderOf(epoch).subarray(part.start, part.end)));
    if (augmenter === null && config.labelSmoothing === 0) return batch;
    const draw = { seed: config.seed, epoch, positions: part };
    const { images: inputs, mixing } = augmenter?.augment(batch.inputs as Uint8Array, draw) ?? {
      images: batch.inputs,
      mixing: null,
    };
    if (mixing === null && config.labelSmoothing === 0) return { ...batch, inputs };
    return { ...batch, inputs, targets: softTargets(batch.labels, mixing, model.outputs, config.labelSmoothing) };
  }

  #orderOf(epoch: number): Uint32Array {
    const { config, plan } = this.#workload!;
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, positions: epochOrder(config, epoch, plan.trainSamples) };
    }
    return this.#order.positions;
  }

  /** Reads samples into a kept buffer: the batch is valid until the next read. */
  #read(split: Split, indices: Int32Array): Batch {
    this.#ahead = null;
    const { dataset, model } = this.#workload!;
    const { size, type } = model.input;
    const length = indices.length * size;
    const Values = type === 'uint8' ? Uint8Array : Float32Array;
    if (!(this.#inputs instanceof Values) || this.#inputs.length < length) this.#inputs = new Values(length);
    const inputs = this.#inputs.subarray(0, length);
    const { labels, values } = readBatch(dataset, split, indices, inputs);
    return { inputs, labels, ...(values === null ? {} : { targets: values }) };
  }
}

function drawOf({ seed, dropout }: RunConfig, epoch: number, positions: Range): DropoutDraw | null {
  return dropout ? { seed, epoch, positions } : null;
}

function augmenterFor({ augmentation }: RunConfig, model: Model): Augmenter | null {
  return augmentation === null ? null : new Augmenter(augmentation, model.input.shape as unknown as ImageShape);
}
