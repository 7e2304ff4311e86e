import {
  countOf,
  healthText,
  metricText,
  microBatches,
  requestText,
  rollbackText,
  stallText,
  taskName,
} from '@convoy/protocol/event-words';
import type { RunEvent } from '@convoy/protocol/run-events';

/** What an event is about: people filter by it. */
export const KINDS = ['run', 'training', 'workers', 'health', 'checkpoints'] as const;
export type Kind = (typeof KINDS)[number];

export interface Words {
  readonly kind: Kind;
  readonly text: string;
  /** Somebody may want to do something about it. */
  readonly isWarning: boolean;
}

/** An event in words; null for those that are only figures. */
export function wordsOf(event: RunEvent): Words | null {
  switch (event.type) {
    case 'step':
    case 'memory':
    case 'predictions':
    case 'layers':
    case 'filters':
    case 'sample-image':
    // It is over in a moment, and what it found is said then.
    case 'evaluation-started':
      return null;
    case 'run-started':
      return fact(
        'run',
        `The run starts: ${countOf(event.totalSteps, 'step')}, ${countOf(event.trainSamples, 'training sample')}, ${countOf(event.parameterCount, 'parameter')}`,
      );
    case 'run-resumed':
      return fact('run', `The run goes on after step ${event.step} of ${event.totalSteps}`);
    case 'run-ended':
      return { kind: 'run', text: `The run ended: ${event.reason}`, isWarning: event.outcome === 'halted' };
    case 'rolled-back':
      return warning('run', `The run goes back ${rollbackText(event)}`);
    case 'waiting':
      return warning('run', `Waiting for workers: ${event.workers} of ${event.minWorkers} are ready`);
    case 'resumed':
      return fact('run', `Training goes on with ${countOf(event.workers, 'worker')}`);
    case 'paused':
      return fact('run', `Paused after step ${event.step}: an operator wants it so`);
    case 'operator-request':
      return fact('run', upperFirst(requestText(event)));
    case 'log-gap':
      return warning('run', `${countOf(event.lost, 'event')} could not be written to the log and are missing here`);
    case 'worker-joined':
      return fact('workers', `Worker ${event.rank} joined: ${event.name}, ${event.engine}`);
    case 'worker-left':
      return warning('workers', `Worker ${event.rank} left (${event.reason}); ${countOf(event.workers, 'worker')} now`);
    case 'worker-suspected':
      return warning('workers', `Worker ${event.rank} is suspect: ${event.reason}`);
    case 'worker-recovered':
      return fact('workers', `Worker ${event.rank} is back`);
    case 'worker-quarantined':
      return warning(
        'workers',
        `Worker ${event.rank} gets nothing to do for ${(event.forMs / 1_000).toFixed(0)} s: ${event.reason}`,
      );
    case 'worker-rejected':
      return warning('workers', `Refused ${event.name}: ${event.reason}`);
    case 'connection-closed':
      return warning('workers', `The connection from ${event.remote} ended: ${event.reason}`);
    case 'released':
      return warning(
        'workers',
        `Step ${event.step + 1}: ${microBatches(event.block)} are free for another worker (${event.reason})`,
      );
    case 'leased-again':
      return fact(
        'workers',
        `${upperFirst(taskName(event))}: worker ${event.rank} also computes ${microBatches(event.block)} of worker ${event.insteadOf.rank}`,
      );
    case 'result-discarded':
      return fact('workers', `Step ${event.step + 1}: a result was not used (${event.reason})`);
    case 'stalled':
      return warning('training', upperFirst(stallText(event)));
    case 'step-retried':
      return warning('training', `Step ${event.step + 1} is computed again: ${event.reason}`);
    case 'step-skipped':
      return warning('training', `Step ${event.step + 1} was skipped: ${event.reason}`);
    case 'epoch-ended':
      return fact('training', `Epoch ${event.epoch + 1} ended: ${figuresText(event)} in training`);
    case 'evaluated':
      return fact('training', `${upperFirst(event.purpose)} after step ${event.step}: ${figuresText(event)}`);
    case 'learning-rate-reduced':
      return fact(
        'training',
        `${upperFirst(event.monitor)} does not improve: the learning rate is now ${event.to.toPrecision(3)}`,
      );
    case 'early-stopped':
      return fact('training', `Stopped early after step ${event.step}: ${event.reason}`);
    case 'best-restored':
      return fact(
        'training',
        `The parameters are those of epoch ${event.bestEpoch + 1} again (${event.monitor} ${event.value.toPrecision(4)})`,
      );
    case 'health':
      return warning('health', upperFirst(healthText(event)));
    case 'health-cleared':
      return fact('health', `${upperFirst(event.kind)} since step ${event.since}: no longer so at step ${event.step}`);
    case 'checkpoint-saved':
      return fact('checkpoints', `Checkpoint of step ${event.step} written in ${event.ms.toFixed(0)} ms`);
    case 'checkpoint-failed':
      return warning('checkpoints', upperFirst(event.reason));
    default:
      event satisfies never;
      // A newer version's: its name says something.
      return fact('run', String((event as { readonly type: unknown }).type));
  }
}

/** A loss that was not finite is null in the log. */
function figuresText(event: Extract<RunEvent, { type: 'evaluated' | 'epoch-ended' }>): string {
  const loss = event.loss as number | null;
  return loss === null ? 'the loss is not finite' : `loss ${loss.toFixed(4)}, ${metricText(event)}`;
}

function fact(kind: Kind, text: string): Words {
  return { kind, text, isWarning: false };
}

function warning(kind: Kind, text: string): Words {
  return { kind, text, isWarning: true };
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
