import {
  countOf,
  healthText,
  metricText,
  microBatches,
  requestText,
  rollbackText,
  stallText,
} from '@convoy/protocol/event-words';
import type { RunEvent } from '@convoy/protocol/run-events';
import type { Colors } from '../colors.ts';

/** What is printed of an event: a plain line, something the operator may want to change, or what is very wrong. */
export interface EventLine {
  readonly kind: 'line' | 'warning' | 'alarm';
  readonly text: string;
}

/** The line that tells of an event; null of one that a live view or nobody shows. */
export function eventLine(event: RunEvent, colors: Colors): EventLine | null {
  switch (event.type) {
    case 'run-started':
      return line(
        `run ${colors.bold(event.run)}: ${countOf(event.trainSamples, 'training sample')}, ${event.validationSamples} for validation, ` +
          `${event.testSamples} for the test; ${countOf(event.totalSteps, 'step')}, ${event.stepsPerEpoch} an epoch; ` +
          `${countOf(event.parameterCount, 'parameter')}`,
      );
    case 'run-resumed':
      return line(`run ${colors.bold(event.run)} goes on after step ${event.step} of ${event.totalSteps}`);
    case 'worker-joined':
      return line(`worker ${event.rank} joined: ${event.name}, ${event.engine}`);
    case 'worker-left':
      return warning(`worker ${event.rank} left (${event.reason}); ${countOf(event.workers, 'worker')} now`);
    case 'worker-suspected':
      return warning(`worker ${event.rank} is suspect: ${event.reason}`);
    case 'worker-recovered':
      return line(`worker ${event.rank} is back`);
    case 'worker-quarantined':
      return warning(
        `worker ${event.rank} gets nothing to do for ${(event.forMs / 1000).toFixed(0)} s: ${event.reason}`,
      );
    case 'stalled':
      return warning(stallText(event));
    case 'checkpoint-failed':
      return warning(event.reason);
    case 'worker-rejected':
      return warning(`refused ${event.name}: ${event.reason}`);
    case 'connection-closed':
      return warning(`connection from ${event.remote} ended: ${event.reason}`);
    case 'released':
      return line(
        `  step ${event.step + 1}: ${microBatches(event.block)} are free for another worker (${event.reason})`,
      );
    case 'epoch-ended':
      return line(
        `epoch ${event.epoch + 1}: loss ${event.loss.toFixed(4)}, ${metricText(event)} in training, ${event.seconds.toFixed(0)} s`,
      );
    case 'evaluated':
      return line(
        `  ${event.purpose} after step ${event.step}: loss ${event.loss.toFixed(4)}, ${metricText(event, colors.bold)} (${event.seconds.toFixed(1)} s)`,
      );
    case 'learning-rate-reduced':
      return line(`  ${event.monitor} does not improve: the learning rate is now ${event.to.toPrecision(3)}`);
    case 'early-stopped':
      return line(`stopped early after step ${event.step}: ${event.reason}`);
    case 'best-restored':
      return line(
        `  the parameters are those of epoch ${event.bestEpoch + 1} again (${event.monitor} ${event.value.toFixed(4)})`,
      );
    case 'step-retried':
      return warning(`step ${event.step + 1} is computed again: ${event.reason}`);
    case 'step-skipped':
      return warning(`step ${event.step + 1} was skipped: ${event.reason}`);
    case 'health':
      return event.severity === 'alarm' ? { kind: 'alarm', text: healthText(event) } : warning(healthText(event));
    case 'health-cleared':
      return line(`${event.kind} since step ${event.since}: no longer so at step ${event.step}`);
    case 'operator-request':
      return line(requestText(event));
    case 'paused':
      return line(`paused after step ${event.step}; convoy unpause lets the run go on`);
    case 'rolled-back':
      return warning(`the run goes back: ${rollbackText(event)}`);
    case 'step':
    case 'waiting':
    case 'run-ended':
    case 'log-gap':
    // Whoever is done first computes a copy of what is left: that happens in healthy runs as well.
    case 'leased-again':
    case 'memory':
    case 'layers':
    case 'filters':
    case 'predictions':
    case 'sample-image':
    case 'evaluation-started':
    case 'resumed':
    case 'checkpoint-saved':
    case 'result-discarded':
      return null;
    default:
      return event satisfies never;
  }
}

const line = (text: string): EventLine => ({ kind: 'line', text });
const warning = (text: string): EventLine => ({ kind: 'warning', text });
