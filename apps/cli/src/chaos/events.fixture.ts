import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
import type { JournalEntry } from './journal.ts';

/** A step's commit, with figures that follow from its number. */
export function step(
  number: number,
  fields: Partial<Extract<RunEvent, { type: 'step'; accuracy: number }>> = {},
): RunEvent {
  return {
    at: 1_000 * number,
    type: 'step',
    step: number,
    epoch: 0,
    samples: 32,
    loss: 2 / number,
    accuracy: 0.5,
    learningRate: 0.001,
    gradientNorm: 1 / number,
    workers: 2,
    stepMs: 900,
    busyShare: 0.9,
    bytesReceived: 0,
    bytesSent: 0,
    ...fields,
  };
}

export function joined(at: number, rank = 0): RunEvent {
  return { at, type: 'worker-joined', workerId: `w${rank}`, rank, name: 'vm:1', engine: 'wasm', workers: 1 };
}

export function resumed(at: number, from: number): RunEvent {
  const identity = { run: 'r', incarnation: `i${at}`, totalSteps: 4, stepsPerEpoch: 4 };
  return { at, type: 'run-resumed', ...identity, step: from };
}

export function evaluated(at: number, after: number, loss = 1.5): RunEvent {
  return {
    at,
    type: 'evaluated',
    purpose: 'test',
    step: after,
    epoch: 0,
    samples: 100,
    loss,
    accuracy: 0.4,
    seconds: 1,
  };
}

/** The same event in a regression. */
export function ofRegression(event: RunEvent, meanAbsoluteError: number): RunEvent {
  if (event.type !== 'step' && event.type !== 'epoch-ended' && event.type !== 'evaluated') return event;
  const { accuracy: _, ...rest } = event;
  return { ...rest, meanAbsoluteError };
}

export function summary(fields: Partial<RunSummary> = {}): RunSummary {
  return {
    run: 'r',
    outcome: 'completed',
    steps: 4,
    skippedSteps: 0,
    epochs: 1,
    workers: 2,
    testAccuracy: 0.4,
    testLoss: 1.5,
    validationAccuracy: null,
    parametersSha256: 'a'.repeat(64),
    samplesApplied: 128,
    samplesPerSecond: 32,
    seconds: 4,
    health: [],
    rollbacks: [],
    ...fields,
  };
}

export function entry(at: number, fields: Partial<JournalEntry> = {}): JournalEntry {
  return {
    at,
    atMs: at,
    plannedMs: at,
    kind: 'kill',
    text: 'SIGKILL worker 0 (pid 1)',
    victims: [0],
    others: [1],
    wasServing: true,
    ...fields,
  };
}
