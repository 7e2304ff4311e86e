import type { RunFact } from '@convoy/protocol/run-events';
import type { CoordinatorEffect, EvaluationTask, WorkerId } from '@convoy/training/coordinator/events';
import type { StartingPoint } from '@convoy/training/coordinator/task-sequence';
import type { RunPlan } from '@convoy/training/sampling';
import type { JoinedWorkers } from './joined-workers.ts';
import type { RunContext } from './run-context.ts';

/** An order of the coordinator's that is to be told, and nothing more. */
export type ToldEffect = Extract<
  CoordinatorEffect,
  { type: 'release' | 'suspect' | 'recover' | 'quarantine' | 'stall' | 'retry' }
>;

/** What such an order is in the run's log; null when it is about a worker that takes no part any more. */
export function factOf(effect: ToldEffect, joined: JoinedWorkers): RunFact | null {
  switch (effect.type) {
    case 'release': {
      const { task, block, workerId, reason } = effect;
      return { type: 'released', step: task.step, block, workerId, reason };
    }
    case 'suspect':
      return ofWorker(effect.workerId, joined, (who) => ({ type: 'worker-suspected', ...who, reason: effect.reason }));
    case 'recover':
      return ofWorker(effect.workerId, joined, (who) => ({ type: 'worker-recovered', ...who }));
    case 'quarantine': {
      const { workerId, forMs, reason } = effect;
      return ofWorker(workerId, joined, (who) => ({ type: 'worker-quarantined', ...who, forMs, reason }));
    }
    case 'stall':
      return {
        type: 'stalled',
        step: effect.task.step,
        work: effect.task.kind,
        forMs: effect.forMs,
        waitingFor: effect.waitingFor.map(({ workerId, ...rest }) => ({ ...joined.nameOf(workerId), ...rest })),
        freeLeaves: effect.freeLeaves,
      };
    case 'retry':
      return { type: 'step-retried', step: effect.task.step, reason: effect.reason };
  }
}

/** An evaluation begins. */
export function evaluationFact({ purpose, step, epoch }: EvaluationTask, plan: RunPlan): RunFact {
  const samples = purpose === 'validation' ? plan.validationSamples : plan.testSamples;
  return { type: 'evaluation-started', purpose, step, epoch, samples };
}

/** How a server's turn at a run begins, in the run's log. */
export function startFact({ resumed, position }: StartingPoint, { identity, layout, machine }: RunContext): RunFact {
  const { totalSteps, stepsPerEpoch, trainSamples, validationSamples, testSamples } = layout.plan;
  const about = { ...identity, totalSteps, stepsPerEpoch, ...(machine === undefined ? {} : { machine }) };
  if (resumed) return { type: 'run-resumed', ...about, step: position.step };
  const { parameterCount } = layout.model;
  return { type: 'run-started', ...about, trainSamples, validationSamples, testSamples, parameterCount };
}

function ofWorker(
  workerId: WorkerId,
  joined: JoinedWorkers,
  fact: (who: { readonly workerId: WorkerId; readonly rank: number }) => RunFact,
): RunFact | null {
  const worker = joined.get(workerId);
  return worker === undefined ? null : fact({ workerId, rank: worker.rank });
}
