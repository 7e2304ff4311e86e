import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arrival, RunEvent, RunFact, StepTiming } from '@convoy/protocol/run-events';

export interface LongRun {
  readonly name: string;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  /** Of two runs, one is better. */
  readonly learningRate: number;
  /** Whether the run is over. */
  readonly isEnded?: boolean;
}

const STEP_MS = 120;
const WORKERS = 2;

/** Writes a run's folder as a coordinator leaves it: config.json, and every event of so many steps in events.jsonl. */
export function writeLongRun(folder: string, run: LongRun): string {
  const path = join(folder, run.name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'config.json'), JSON.stringify(configOf(run)));
  writeFileSync(join(path, 'events.jsonl'), linesOf(longRunEvents(run)));
  return path;
}

export function linesOf(events: readonly RunEvent[]): string {
  return `${events.map((event) => JSON.stringify(event)).join('\n')}\n`;
}

function configOf({ steps, learningRate }: LongRun): object {
  return { seed: 7, maxSteps: steps, globalBatchSize: 256, optimizer: { name: 'adam', learningRate } };
}

/** The events of a run, with the shapes and sizes of figures that a real one has. */
export function longRunEvents(run: LongRun): readonly RunEvent[] {
  const { name, steps, stepsPerEpoch, isEnded = true } = run;
  const events: RunEvent[] = [];
  let at = 1_796_085_125_982;
  const tell = (fact: RunFact) => events.push({ at, ...fact });
  tell({
    ...{ type: 'run-started', run: name, incarnation: 'ae262676940f', totalSteps: isEnded ? steps : 2 * steps },
    ...{ stepsPerEpoch, trainSamples: 45_000, validationSamples: 5_000, testSamples: 10_000, parameterCount: 309_290 },
  });
  for (let rank = 0; rank < WORKERS; rank++) {
    const workerId = `fbd57356dbbad86${rank}`;
    tell({ type: 'worker-joined', workerId, rank, name: `node:420${rank}`, engine: 'tensorflow', workers: rank + 1 });
  }
  for (let step = 1; step <= steps; step++) {
    at += STEP_MS;
    tell(stepOf(run, step));
    if (step % stepsPerEpoch !== 0 && step !== steps) continue;
    const epoch = Math.ceil(step / stepsPerEpoch) - 1;
    const { loss, accuracy } = figuresOf(run, step);
    tell({ type: 'epoch-ended', epoch, step, loss, accuracy, seconds: 21.1234567 });
    const samples = 5_000;
    tell({ type: 'evaluated', purpose: 'validation', step, epoch, samples, loss, accuracy, seconds: 1.1234567 });
    tell({ type: 'checkpoint-saved', step, path: `checkpoints/${step}`, bytes: 3_711_480, ms: 12.34, cause: 'epoch' });
  }
  if (isEnded) tell(endOf(run));
  return events;
}

function endOf(run: LongRun): RunFact {
  const { name, steps, stepsPerEpoch } = run;
  const { loss, accuracy } = figuresOf(run, steps);
  return {
    ...{ type: 'run-ended', run: name, outcome: 'completed', reason: 'all steps are done', steps, skippedSteps: 0 },
    ...{ epochs: Math.ceil(steps / stepsPerEpoch), workers: WORKERS, testAccuracy: accuracy, testLoss: loss },
    ...{ validationAccuracy: accuracy, parametersSha256: 'ad'.repeat(32), samplesApplied: 256 * steps },
    ...{ samplesPerSecond: 2_133.3, seconds: (steps * STEP_MS) / 1_000, health: [], rollbacks: [] },
  };
}

function stepOf(run: LongRun, step: number): RunFact {
  const { stepsPerEpoch, learningRate } = run;
  return {
    ...{ type: 'step', step, epoch: Math.floor((step - 1) / stepsPerEpoch), samples: 256, ...figuresOf(run, step) },
    ...{ learningRate, gradientNorm: 3 + 2 * noise(step + 0.5), workers: WORKERS, stepMs: STEP_MS + noise(step) * 10 },
    ...{ busyShare: 0.9 + noise(step) / 20, bytesReceived: 2_474_320 + step, bytesSent: 2_474_657 + step },
    timing: timingOf(step),
  };
}

/** Four results of each worker. */
function timingOf(step: number): StepTiming {
  const arrivals = Array.from({ length: 4 * WORKERS }, (_, i): Arrival => [i % WORKERS, 12.5 * (i + 1), 12.1, 32]);
  const server = { serverMs: 3.21 + noise(step), sendMs: 1.43, sumMs: 2.86, normMs: 0.37, updateMs: 1.25 };
  return { firstMs: 12.5, allMs: 100, waitMs: 9.5 + noise(step), ...server, arrivals };
}

/** A loss that falls, with the noise of single steps, and the accuracy that goes with it. */
function figuresOf({ learningRate, steps }: LongRun, step: number): { loss: number; accuracy: number } {
  const floor = 0.6 + 40 * learningRate;
  const loss = floor + (2.3 - floor) * Math.exp((-6 * step) / steps) + 0.15 * noise(step + learningRate);
  return { loss, accuracy: Math.max(0.1, Math.min(1, 1 - loss / 2.6)) };
}

/** From -1 to 1, the same at each call. */
function noise(seed: number): number {
  const wave = Math.sin(seed * 12.9898) * 43_758.5453;
  return 2 * (wave - Math.floor(wave)) - 1;
}
