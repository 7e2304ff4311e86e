import type { Block } from '@convoy/protocol/messages';
import type { RunConfig } from '@convoy/protocol/run-config';
import { leavesOf } from '@convoy/numerics/blocks';
import type { Task } from '@convoy/training/coordinator/events';
import { partOf, planEvaluation, planStep, type RunPlan } from '@convoy/training/sampling';

/** The samples that a block of a task covers: what an honest result must count. */
export function samplesIn(task: Task, block: Block, config: RunConfig, plan: RunPlan): number {
  const range =
    task.kind === 'gradient'
      ? planStep(task.step, config, plan).positions
      : planEvaluation(task.purpose, config, plan).indices;
  const { start, end } = leavesOf(block, task.leaves);
  return partOf(range, end - 1, task.leaves).end - partOf(range, start, task.leaves).start;
}
