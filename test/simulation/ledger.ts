import type { Sums } from '@convoy/numerics/reduction';
import type { Block } from '@convoy/protocol/messages';
import { leavesOf } from '@convoy/numerics/blocks';
import type { CheckpointCause, GradientTask, Task } from '@convoy/training/coordinator/events';
import type { Position } from '@convoy/training/coordinator/events';
import { partOf, planStep } from '@convoy/training/sampling';
import { digestOf, INITIAL_PARAMETERS, updated } from './arithmetic.ts';
import { promise } from './failure.ts';
import type { Problem } from './problem.ts';
import { dueAfter, type Evaluation, type Reference } from './reference.ts';

/** What survives a server's process: the training state as it was at a checkpoint. */
export interface Snapshot {
  readonly parameters: number;
  readonly kept: number;
  readonly step: number;
  readonly evaluations: number;
}

/** A step whose sums are complete. */
interface Concluding {
  readonly task: GradientTask;
  readonly total: Sums;
  readonly collected: readonly { readonly step: number; readonly block: Block }[];
}

/** What is divided by when a sum becomes a mean: the samples. The mutation tests know another way. */
export type Divisor = (samples: number, results: number) => number;

/** The server's training state, kept as the books of what was applied: every entry is compared with the reference. */
export class Ledger {
  readonly #problem: Problem;
  readonly #reference: Reference;
  readonly #divisor: Divisor;
  /** How often each sample of each epoch was applied: [epoch · trainSamples + position]. */
  readonly #applied: Uint8Array;
  #parameters = INITIAL_PARAMETERS;
  /** Those that the run may end with. */
  #kept = INITIAL_PARAMETERS;
  #step = 0;
  #evaluations: Evaluation[] = [];
  #concluding: Concluding | null = null;

  constructor(problem: Problem, reference: Reference, divisor: Divisor) {
    this.#problem = problem;
    this.#reference = reference;
    this.#divisor = divisor;
    const { trainSamples, stepsPerEpoch, totalSteps } = problem.plan;
    this.#applied = new Uint8Array(trainSamples * Math.ceil(totalSteps / stepsPerEpoch));
  }

  get parameters(): number {
    return this.#parameters;
  }

  /** Commits and skips so far. */
  get step(): number {
    return this.#step;
  }

  /** All leaves of a step are in: what {@link commit} is called with must be these sums. */
  concluding(task: GradientTask, total: Sums, collected: Concluding['collected']): void {
    this.#concluding = { task, total, collected };
  }

  commit(gradientSum: Float32Array, samples: number): void {
    promise(this.#concluding !== null, () => 'a step was committed that is not complete');
    const { task, total, collected } = this.#concluding;
    this.#concluding = null;
    promise(
      gradientSum === total.vector && samples === total.samples,
      () => `step ${task.step} was committed with other sums than its own`,
    );
    const { config, plan, refusals } = this.#problem;
    promise(task.step === this.#step, () => `step ${task.step} was committed after ${this.#step} steps`);
    promise(refusals[task.step]! < task.attempt, () => `step ${task.step} was committed although it was refused`);
    for (const { step, block } of collected) {
      const { epoch, positions, microBatches } = planStep(step, config, plan);
      const { start, end } = leavesOf(block, microBatches);
      const from = partOf(positions, start, microBatches).start;
      const to = partOf(positions, end - 1, microBatches).end;
      for (let position = from; position < to; position++) this.#applied[epoch * plan.trainSamples + position]!++;
    }
    this.#parameters = updated(this.#parameters, total, this.#divisor(total.samples, collected.length));
    this.#step++;
    promise(
      this.#parameters === this.#reference.parameters[this.#step],
      () => `step ${task.step} arrived at other parameters than with one undisturbed worker`,
    );
  }

  skip(task: GradientTask): void {
    promise(task.step === this.#step, () => `step ${task.step} was skipped after ${this.#step} steps`);
    promise(
      this.#reference.skipped[task.step] === true,
      () => `step ${task.step} was skipped, which one worker commits`,
    );
    this.#step++;
  }

  /** The end of an epoch has been decided about. @returns whether the parameters are others now. */
  epochDecided(): boolean {
    const { callbacks } = this.#problem;
    if (this.#step === callbacks?.keepAfter) this.#kept = this.#parameters;
    if (this.#step !== callbacks?.stopAfter || callbacks.keepAfter === null) return false;
    const isOther = this.#kept !== this.#parameters;
    this.#parameters = this.#kept;
    return isOther;
  }

  evaluated({ step, purpose }: Task & { kind: 'evaluation' }, total: Sums): void {
    promise(step === this.#step, () => `${purpose} of step ${step} was made after ${this.#step} steps`);
    const expected = this.#reference.evaluations[this.#evaluations.length];
    const digest = digestOf(total);
    promise(
      expected?.step === step && expected.purpose === purpose && expected.digest === digest,
      () => `${purpose} after step ${step} found something else than with one undisturbed worker`,
    );
    this.#evaluations.push(expected);
  }

  /** A machine that starts from `position` must go on as this one does: nothing due is missing, nothing done is repeated. */
  checkPosition({ step, due }: Position, cause: CheckpointCause): void {
    promise(cause === 'end' || due.length === 0, () => `a checkpoint was ordered before the ${due.join()} that is due`);
    promise(step === this.#step, () => `a checkpoint says ${step} steps, of ${this.#step}`);
    const done = this.#evaluations.filter((one) => one.step === step).length;
    const { plan } = this.#problem;
    // Before its validation nobody knows that an epoch is the last.
    const isUndecided = plan.validationSamples > 0 && done === 0 && step < plan.totalSteps;
    const owed = dueAfter(step, isUndecided ? { ...this.#problem, callbacks: null } : this.#problem).slice(done);
    promise(
      owed.join() === due.join(),
      () => `a checkpoint at step ${step} says "${due.join()}" is due, not "${owed.join()}"`,
    );
  }

  snapshot(): Snapshot {
    const { length: evaluations } = this.#evaluations;
    return { parameters: this.#parameters, kept: this.#kept, step: this.#step, evaluations };
  }

  restore({ parameters, kept, step, evaluations }: Snapshot): void {
    const { config, plan } = this.#problem;
    this.#parameters = parameters;
    this.#kept = kept;
    this.#step = step;
    this.#evaluations.length = evaluations;
    if (step >= plan.totalSteps) return;
    const { epoch, positions } = planStep(step, config, plan);
    this.#applied.fill(0, epoch * plan.trainSamples + positions.start);
  }

  /** The books at the end: all that the reference has, nothing else, and each sample once in each epoch. */
  close(outcome: 'completed' | 'halted'): void {
    const { config, plan } = this.#problem;
    const { skipped, evaluations, final, outcome: expected } = this.#reference;
    promise(outcome === expected, () => `the run was ${outcome}, and is ${expected} with one undisturbed worker`);
    promise(this.#step === skipped.length, () => `the run ended after ${this.#step} of ${skipped.length} steps`);
    promise(this.#parameters === final, () => 'the final parameters differ');
    promise(this.#evaluations.length === evaluations.length, () => 'an evaluation is missing');
    for (let step = 0; step < plan.totalSteps; step++) {
      const { epoch, positions } = planStep(step, config, plan);
      const times = skipped[step] === false ? 1 : 0;
      for (let position = positions.start; position < positions.end; position++) {
        promise(
          this.#applied[epoch * plan.trainSamples + position] === times,
          () => `sample ${position} of epoch ${epoch} was not applied ${times} times`,
        );
      }
    }
  }
}
