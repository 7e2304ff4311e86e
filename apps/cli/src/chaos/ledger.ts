import { countOf } from '@convoy/protocol/event-words';
import { METRIC_NAMES } from '@convoy/protocol/metric';
import type { RunEvent } from '@convoy/protocol/run-events';

type StepEvent = Extract<RunEvent, { type: 'step' }>;
type Evaluated = Extract<RunEvent, { type: 'evaluated' }>;

/** What a disturbed run did, step by step, beside the undisturbed one. */
export interface Ledger {
  /** Steps in the chain that the parameters came from. */
  readonly steps: number;
  /** Commits that a restart took back and that were made again. */
  readonly stepsRedone: number;
  /** Steps of the undisturbed run that the chain lacks. */
  readonly stepsLost: number;
  readonly samplesApplied: number;
  readonly samplesExpected: number;
  /** One line each, in the order of the log; empty when every figure is the undisturbed run's. */
  readonly differences: readonly string[];
}

/**
 * Replays a run's log over its restarts: a resumed run goes on from its checkpoint's step, and what came after that is
 * taken back. Each commit must be the next step's, and have the samples, the loss and the gradient's norm that the
 * undisturbed run has there, bit for bit: numbers in the log are written so that they are read as they were.
 */
export function settleLedger(events: readonly RunEvent[], undisturbed: readonly RunEvent[]): Ledger {
  const differences: string[] = [];
  const expected = new Map<number, StepEvent>();
  const evaluations = new Map<string, Evaluated>();
  for (const event of undisturbed) {
    if (event.type === 'step') expected.set(event.step, event);
    if (event.type === 'evaluated') evaluations.set(evaluationKey(event), event);
  }
  const firstCommits = new Map<number, StepEvent>();
  /** Samples of each step in the chain; 0 for a step that was skipped. */
  const chain: number[] = [];
  let stepsRedone = 0;
  const append = (step: number, samples: number) => {
    if (step <= chain.length) differences.push(`step ${step} was applied twice`);
    else if (step > chain.length + 1) differences.push(`step ${step} follows step ${chain.length}`);
    chain[step - 1] = samples;
  };
  for (const event of events) {
    switch (event.type) {
      case 'run-resumed':
        if (event.step > chain.length) differences.push(`resumed from step ${event.step}; ${chain.length} were done`);
        stepsRedone += Math.max(0, chain.length - event.step);
        chain.length = event.step;
        break;
      case 'step': {
        append(event.step, event.samples);
        const first = firstCommits.get(event.step);
        if (first === undefined) firstCommits.set(event.step, event);
        else differences.push(...compareSteps(event, first, 'when it was committed before'));
        const reference = expected.get(event.step);
        // Steps past its end are the summary's difference.
        if (reference !== undefined) differences.push(...compareSteps(event, reference, 'undisturbed'));
        break;
      }
      case 'step-skipped':
        append(event.step + 1, 0);
        differences.push(`step ${event.step + 1} was skipped: ${event.reason}`);
        break;
      case 'evaluated': {
        const reference = evaluations.get(evaluationKey(event));
        if (reference !== undefined) differences.push(...compareEvaluations(event, reference));
        break;
      }
    }
  }
  const lost = [...expected.keys()].filter((step) => chain[step - 1] === undefined);
  if (lost.length > 0) differences.push(`lost ${countOf(lost.length, 'step')}, the first is step ${lost[0]}`);
  return {
    steps: chain.length,
    stepsRedone,
    stepsLost: lost.length,
    samplesApplied: chain.reduce((sum, samples) => sum + (samples ?? 0), 0),
    samplesExpected: [...expected.values()].reduce((sum, { samples }) => sum + samples, 0),
    differences,
  };
}

function evaluationKey({ purpose, step }: Evaluated): string {
  return `${purpose} ${step}`;
}

function compareSteps(event: StepEvent, reference: StepEvent, what: string): string[] {
  return (['epoch', 'samples', 'loss', ...METRIC_NAMES, 'gradientNorm'] as const)
    .filter((field) => event[field] !== reference[field])
    .map((field) => `step ${event.step}: ${field} ${event[field]}, ${what} ${reference[field]}`);
}

function compareEvaluations(event: Evaluated, reference: Evaluated): string[] {
  return (['samples', 'loss', ...METRIC_NAMES] as const)
    .filter((field) => event[field] !== reference[field])
    .map(
      (field) => `${event.purpose} after step ${event.step}: ${field} ${event[field]}, undisturbed ${reference[field]}`,
    );
}
