import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Batch, BatchEvaluation, Program } from '@convoy/engine/program';
import type { Model } from '@convoy/model/architecture';
import type { Split } from '@convoy/model/dataset';
import type { DropoutDraw } from '@convoy/model/dropout';
import { classesOf } from '@convoy/model/loss';
import { leavesOf } from '@convoy/numerics/blocks';
import { gradientArithmetic, type GradientArithmetic } from '@convoy/numerics/gradient-arithmetic';
import { TreeReduction, type Sums } from '@convoy/numerics/reduction';
import { allocateVector } from '@convoy/numerics/vectors';
import type { Block } from '@convoy/protocol/messages';
import type { RunConfig } from '@convoy/protocol/run-config';
import { DetailsGathering, type EvaluatedSamples } from '@convoy/training/evaluation/details';
import { partOf, planEvaluation, planStep, type RunPlan, type Range } from '@convoy/training/sampling';
import type { BatchSource } from './batch-source.ts';
import { SpanWatch } from './span-watch.ts';
import {
  ComputeCancelled,
  type EvaluationSums,
  type EvaluationWork,
  type GradientSums,
  type GradientWork,
} from './compute.ts';

export interface GradientLoopOptions {
  readonly config: RunConfig;
  readonly model: Model;
  readonly plan: RunPlan;
  readonly program: Program;
  readonly batches: BatchSource;
  /** Element 0 is 1 when the call in progress is not wanted any more; another thread may set it. */
  readonly cancelled: Int32Array<ArrayBufferLike>;
}

/** A worker's part of a step: computes a block's leaves in order and sums them up the tree that the server continues. */
export class GradientLoop {
  readonly #options: GradientLoopOptions;
  readonly #gradients: GradientArithmetic;
  /** Leaf gradients that a reduction has given back. */
  readonly #spare: Float32Array[] = [];
  #lastGradient: Float32Array | null = null;
  #lastWork: GradientWork | null = null;

  constructor(options: GradientLoopOptions) {
    this.#options = options;
    this.#gradients = gradientArithmetic(options.config.gradientFormat, options.model);
  }

  /** The gradient of a block's loss sum, one leaf for each of its micro-batches. Its bytes are valid until the next call. */
  async gradient({ step, block, trace = false }: GradientWork): Promise<GradientSums> {
    const watch = trace ? new SpanWatch() : null;
    const { config, model, plan, program, batches } = this.#options;
    const { epoch, positions, microBatches } = planStep(step, config, plan);
    if (this.#lastGradient !== null) this.#spare.push(this.#lastGradient);
    // Given back once, even when this call is cancelled: a vector that is twice among the spare ones would be two leaves'.
    this.#lastGradient = null;
    const samplesOf = (leaf: number) => ({
      split: 'train' as const,
      indices: batches.trainingSamples(epoch, partOf(positions, leaf, microBatches)),
    });
    const { vector, ...tally } = await this.#reduce(block, microBatches, samplesOf, (leaf) => {
      const part = partOf(positions, leaf, microBatches);
      const leafGradient = this.#spare.pop() ?? allocateVector(model.parameterCount);
      watch?.begin();
      const batch = batches.trainingBatch(epoch, part);
      watch?.end('read batch');
      const sums = program.gradient(batch, dropoutDraw(config, epoch, part), leafGradient);
      this.#gradients.round(leafGradient);
      watch?.end('compute');
      return { ...sums, vector: leafGradient };
    });
    this.#lastGradient = vector;
    this.#lastWork = { step, block };
    const gradient = this.#gradients.pack(vector!);
    return { ...tally, gradient, ...(watch === null ? {} : { spans: watch.spans }) };
  }

  /**
   * Prepares the first micro-batch of the last block in the next step, which is probably asked for next, while the server
   * commits. Order, images and masks are functions of the place in the run, so a wrong guess costs only the time.
   */
  readAhead(): void {
    const { config, plan, program, batches } = this.#options;
    const last = this.#lastWork;
    this.#lastWork = null;
    if (last === null || last.step + 1 >= plan.totalSteps) return;
    const { epoch, positions, microBatches } = planStep(last.step + 1, config, plan);
    if (last.block.start >= microBatches) return;
    const part = partOf(positions, last.block.start, microBatches);
    if (batches.dataset.hold === undefined) batches.readAhead(epoch, part);
    else this.#holdAhead({ split: 'train', indices: batches.trainingSamples(epoch, part) });
    const draw = dropoutDraw(config, epoch, part);
    if (draw !== null) program.drawAhead(draw);
  }

  /**
   * Loss and metric of a block of an evaluation, and what is taken for what.
   * @param onSamples is given the samples of each leaf.
   */
  async evaluate(
    { purpose, block, details = false }: EvaluationWork,
    onSamples?: (samples: EvaluatedSamples) => void,
  ): Promise<EvaluationSums> {
    const { config, plan, program, batches } = this.#options;
    const { split, indices, pieces } = planEvaluation(purpose, config, plan);
    const gathering = details ? this.#gatheringOf(indices) : null;
    const samplesOf = (leaf: number) => {
      const { start, end } = partOf(indices, leaf, pieces);
      return { split, indices: Int32Array.from({ length: end - start }, (_, n) => start + n) };
    };
    const { vector: _, ...tally } = await this.#reduce(block, pieces, samplesOf, (leaf) => {
      const batch = batches.samples(split, samplesOf(leaf).indices);
      const evaluation = program.evaluate(batch);
      const evaluated = this.#evaluated(batch, evaluation, partOf(indices, leaf, pieces).start - indices.start);
      gathering?.add(evaluated);
      onSamples?.(evaluated);
      const { samples, lossSum, metricSum } = evaluation;
      return { samples, lossSum, metricSum, vector: null };
    });
    return gathering === null ? tally : { ...tally, details: gathering.details };
  }

  #gatheringOf({ start, end }: Range): DetailsGathering {
    const { outputs, loss } = this.#options.model;
    return new DetailsGathering({ classes: classesOf({ outputs, loss }), outputs, samples: end - start });
  }

  #evaluated({ labels }: Batch, evaluation: BatchEvaluation, first: number): EvaluatedSamples {
    const { program, model } = this.#options;
    const { losses_N, classes_N, outputs_NO } = evaluation;
    const rowOf = (n: number) => outputs_NO.subarray(n * model.outputs, (n + 1) * model.outputs);
    return { first, labels_N: labels, classes_N, losses_N, saidOf: (n) => program.said(rowOf(n)) };
  }

  /** @throws ComputeCancelled between two leaves. Gives way to the caller's other events there. */
  async #reduce(
    block: Block,
    leaves: number,
    samplesOf: (leaf: number) => Samples,
    leafSums: (leaf: number) => Sums,
  ): Promise<Sums> {
    const { cancelled, batches } = this.#options;
    Atomics.store(cancelled, 0, 0);
    const tree = new TreeReduction(leaves, block, (vector) => this.#spare.push(vector), this.#gradients.add);
    const { start, end } = leavesOf(block, leaves);
    for (let leaf = start; leaf < end; leaf++) {
      if (leaf > start) await nextTurn();
      if (batches.dataset.hold !== undefined) {
        const { split, indices } = samplesOf(leaf);
        // Rejects when it is not wanted any more.
        await batches.dataset.hold(split, indices, this.#isWanted).catch(() => {});
        if (leaf + 1 < end) this.#holdAhead(samplesOf(leaf + 1));
      }
      if (!this.#isWanted()) {
        tree.clear();
        throw new ComputeCancelled();
      }
      tree.add({ start: leaf, size: 1 }, leafSums(leaf));
    }
    return tree.total!;
  }

  readonly #isWanted = () => Atomics.load(this.#options.cancelled, 0) === 0;

  /** Has samples fetched that are needed next. */
  #holdAhead({ split, indices }: Samples): void {
    this.#options.batches.dataset.hold!(split, indices, this.#isWanted).catch(() => {});
  }
}

interface Samples {
  readonly split: Split;
  readonly indices: Int32Array;
}

function dropoutDraw({ seed, dropout }: RunConfig, epoch: number, positions: Range): DropoutDraw | null {
  return dropout ? { seed, epoch, positions } : null;
}
