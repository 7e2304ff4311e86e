import { planEvaluation, planStep, type RunPlan } from '../sampling.ts';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { EvaluationTask, GradientTask, Position } from './events.ts';

/** A task that has not been given its id yet. */
export type NextTask = Omit<GradientTask, 'id' | 'attempt'> | Omit<EvaluationTask, 'id'>;

/** Where a coordinator starts: after how many commits, and what it had counted by then. */
export interface StartingPoint {
  /** Another coordinator came this far: `position` needs no checkpoint, it is one. */
  readonly resumed: boolean;
  readonly position: Position;
  readonly consecutiveSkips: number;
  /** Why no steps follow, only what is due at the position; null or left out while they do. */
  readonly stopReason?: string | null;
}

export const FROM_THE_START: StartingPoint = { resumed: false, position: { step: 0, due: [] }, consecutiveSkips: 0 };

/** The order of a run's tasks, as a pure function of where it stands: nothing else decides what comes next. */
export class TaskSequence {
  readonly #config: RunConfig;
  readonly #plan: RunPlan;

  constructor(config: RunConfig, plan: RunPlan) {
    this.#config = config;
    this.#plan = plan;
  }

  /** The task at a position; undefined at the end of the run. */
  taskAt({ step, due }: Position): NextTask | undefined {
    const [purpose] = due;
    if (purpose !== undefined) {
      const { pieces } = planEvaluation(purpose, this.#config, this.#plan);
      return { kind: 'evaluation', step, epoch: this.#epochBefore(step), purpose, leaves: pieces };
    }
    if (step >= this.#plan.totalSteps) return undefined;
    const { epoch, microBatches } = planStep(step, this.#config, this.#plan);
    return { kind: 'gradient', step, epoch, leaves: microBatches };
  }

  /**
   * Where a run stands when a step has been committed: validation is due at each epoch's end and at the run's, then the test.
   * @param isOver no step follows, whatever the configuration says.
   */
  afterCommit(step: number, isOver = false): Position {
    const commits = step + 1;
    const isLast = isOver || commits >= this.#plan.totalSteps;
    const isEpochEnd = commits % this.#plan.stepsPerEpoch === 0;
    const due: ('validation' | 'test')[] = [];
    if ((isEpochEnd || isLast) && this.#plan.validationSamples > 0) due.push('validation');
    if (isLast && this.#plan.testSamples > 0) due.push('test');
    return { step: commits, due };
  }

  /** @param isOver no step follows: the test is due after the last validation. */
  afterEvaluation({ step, due: [done, ...due] }: Position, isOver = false): Position {
    const isLast = isOver && done === 'validation' && due.length === 0;
    return { step, due: isLast && this.#plan.testSamples > 0 ? ['test'] : due };
  }

  /** The epoch that commit number `step` belonged to. */
  #epochBefore(step: number): number {
    return Math.floor(Math.max(0, step - 1) / this.#plan.stepsPerEpoch);
  }
}
