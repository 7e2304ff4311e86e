import { describe, expect, it } from 'vitest';
import type { RunEvent, RunFact } from '@convoy/protocol/run-events';
import { RunWatch } from './run-watch.ts';

const started: RunFact = {
  ...{ type: 'run-started', run: 'r', incarnation: 'i', totalSteps: 40, stepsPerEpoch: 10 },
  ...{ trainSamples: 1, validationSamples: 0, testSamples: 0, parameterCount: 1 },
};
const step = (number: number, stepMs = 100): RunFact => ({
  ...{ type: 'step', step: number, epoch: 1, samples: 50, loss: 0.5, accuracy: 1, learningRate: 0.1, gradientNorm: 1 },
  ...{ workers: 2, stepMs, busyShare: 1, bytesReceived: 0, bytesSent: 0 },
});

function watching(...facts: readonly RunFact[]): RunWatch {
  const watch = new RunWatch();
  for (const [i, fact] of facts.entries()) watch.see({ at: i, ...fact } as RunEvent);
  return watch;
}

describe('how a run stands', () => {
  it('is known from its events alone: how far it is and how fast', () => {
    const status = watching(started, step(11), step(12, 900), step(13)).status(null);
    expect(status).toMatchObject({ run: 'r', state: 'training', step: 13, totalSteps: 40, epoch: 1, loss: 0.5 });
    expect(status).toMatchObject({ stepMs: 100, samplesPerSecond: 500, waitingFor: null, checkpoint: null });
  });

  it('says what is waited for, until it comes', () => {
    const waiting = watching(started, { type: 'waiting', workers: 1, minWorkers: 2 });
    expect(waiting.status(null)).toMatchObject({ state: 'waiting', waitingFor: 'workers: 1 of 2 are here' });
    const stalled: RunFact = {
      ...{ type: 'stalled', step: 3, work: 'gradient', forMs: 9_000, freeLeaves: 2 },
      waitingFor: [{ rank: 1, name: 'w', block: { start: 0, size: 1 }, forMs: 8_000, why: 'silent' }],
    };
    const watch = watching(started, step(3), stalled);
    expect(watch.status(null).waitingFor).toBe(
      'step 3, gradient: worker 1 (silent, 8 s), somebody to compute 2 micro-batches',
    );
    watch.see({ at: 9, ...step(4) } as RunEvent);
    expect(watch.status(null).waitingFor).toBeNull();
  });

  it('is paused, or evaluating, until it goes on', () => {
    const evaluation: RunFact = { type: 'evaluation-started', purpose: 'test', step: 3, epoch: 0, samples: 5 };
    expect(watching(started, step(3), evaluation).status(null).state).toBe('evaluating');
    expect(watching(started, step(3), { type: 'paused', step: 3 }).status(null)).toMatchObject({
      state: 'paused',
      waitingFor: 'an operator: convoy unpause goes on',
    });
    const over = watching(started, step(3), { type: 'paused', step: 3 }, { type: 'resumed', workers: 1 });
    expect(over.status(null)).toMatchObject({ state: 'training', waitingFor: null });
  });

  it('has the newest checkpoint, and goes back with the run', () => {
    const saved: RunFact = { type: 'checkpoint-saved', step: 10, path: 'p', bytes: 1, ms: 1, cause: 'requested' };
    const resumed: RunFact = {
      type: 'run-resumed',
      run: 'r',
      incarnation: 'j',
      step: 10,
      totalSteps: 40,
      stepsPerEpoch: 10,
    };
    expect(watching(started, step(12), saved, resumed).status(null)).toMatchObject({
      step: 10,
      stepMs: null,
      checkpoint: { step: 10, path: 'p' },
    });
  });

  it('is over with the reason of its end', () => {
    expect(watching(started, step(40)).status('all steps are done')).toMatchObject({
      state: 'ended',
      waitingFor: 'all steps are done',
    });
  });
});
