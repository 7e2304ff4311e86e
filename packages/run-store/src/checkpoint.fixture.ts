import type { RunConfig } from '@convoy/protocol/run-config';
import type { HealthFinding } from '@convoy/protocol/run-events';
import { startCallbacks } from '@convoy/training/callbacks/callbacks';
import { testConfig } from '@convoy/training/config.fixture';
import type { OptimizerState } from '@convoy/training/optimizer/optimizer';
import type { CheckpointIdentity, TrainingState } from './training-state.ts';
import { RunFigures } from '@convoy/training/figures';

/** Two tensors, ten elements. */
export const TENSORS = [
  { name: 'dense/kernel', shape: [2, 4], offset: 0, size: 8 },
  { name: 'dense/bias', shape: [2], offset: 8, size: 2 },
] as const;
const ELEMENTS = 10;

export const config: RunConfig = testConfig({
  dataset: { name: 'synthetic', seed: 1, trainCount: 40, testCount: 1 },
  epochs: 1000,
  globalBatchSize: 4,
  microBatchSize: 2,
  validationSplit: 0,
  seed: 7,
});

/** What a run goes back for. */
export const finding: HealthFinding = {
  kind: 'collapsed',
  severity: 'alarm',
  since: 45,
  step: 60,
  evidence: 'e',
  advice: 'a',
};

export const identity: CheckpointIdentity = {
  run: 'test-run',
  config,
  modelHash: 'a'.repeat(64),
  dataFingerprint: 'b'.repeat(64),
  permutationVersion: 'fisher-yates/1',
  generatorVersion: 'threefry/1',
  tensors: TENSORS,
};

const plan = { trainSamples: 40, validationSamples: 0, testSamples: 0, stepsPerEpoch: 10, totalSteps: 10_000 };

/** Vectors that no other step has. */
export function optimizerAt(step: number): OptimizerState {
  const vector = (which: number) => Float32Array.from({ length: ELEMENTS }, (_, i) => step + i / 16 + which / 256);
  return { updates: step, parameters: vector(0), slots: { m: vector(1), v: vector(2) } };
}

/** The state after `step` commits, none skipped. */
export function stateAt(step: number, changes: Partial<TrainingState> = {}): TrainingState {
  const { validationAccuracy: accuracy = null } = changes;
  const figures = new RunFigures(identity.run, plan).snapshot(0);
  return {
    position: { step, due: [] },
    consecutiveSkips: 0,
    epoch: Math.floor(step / plan.stepsPerEpoch),
    optimizer: optimizerAt(step),
    figures: { ...figures, steps: step, samplesApplied: 4 * step },
    numericsFingerprint: null,
    validationAccuracy: null,
    monitored: accuracy === null ? null : { monitor: 'val_accuracy', direction: 'max', value: accuracy },
    callbacks: startCallbacks(config.optimizer.learningRate),
    kept: null,
    ...changes,
  };
}
