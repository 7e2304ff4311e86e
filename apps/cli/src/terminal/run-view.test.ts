import type { RunEvent } from '@convoy/protocol/run-events';
import type { TaskProgress } from '@convoy/protocol/run-status';
import { describe, expect, it } from 'vitest';
import { colorsFor } from '../colors.ts';
import { columnsOf } from './columns.ts';
import { RunView } from './run-view.ts';

const NONE = colorsFor({});
const started = {
  at: 0,
  type: 'run-started',
  ...{ run: 'r', incarnation: 'i', totalSteps: 20, stepsPerEpoch: 10, trainSamples: 640, validationSamples: 64 },
  ...{ testSamples: 64, parameterCount: 10 },
} as const;
const step = (n: number): RunEvent => ({
  at: 1_000 * n,
  type: 'step',
  ...{ step: n, epoch: Math.floor((n - 1) / 10), samples: 64, loss: 2 / n, accuracy: 0.25, learningRate: 0.001 },
  ...{ gradientNorm: 1, workers: 2, stepMs: 500, busyShare: 0.9, bytesReceived: 0, bytesSent: 0 },
  timing: {
    ...{ firstMs: 1, allMs: 400, waitMs: 1, serverMs: 100, sendMs: 1, sumMs: 1, normMs: 1, updateMs: 1 },
    arrivals: [
      [1, 300, 100, 48, 3],
      [0, 400, 100, 16],
    ],
  },
});

/** A run of 20 steps in two epochs, after so many of them. */
function viewAfter(events: readonly RunEvent[], task: TaskProgress): RunView {
  const view = new RunView();
  for (const event of [started, ...events]) view.see(event);
  const status = () => ({
    workers: [
      {
        rank: 0,
        name: 'a:1',
        engine: 'wasm',
        origin: '',
        state: 'computing' as const,
        samplesPerSecond: 70,
        lease: null,
      },
      { rank: 1, name: 'b:2', engine: 'wasm', origin: '', state: 'away' as const, samplesPerSecond: null, lease: null },
    ],
  });
  view.watch({ progress: () => task, status });
  return view;
}

describe('the view of a run', () => {
  it('has the epoch with its time left, the figures of the last step with that of the run, and the workers', () => {
    const task = { work: 'gradient', step: 12, done: 2, leaves: 4 } as const;
    const lines = viewAfter([step(12)], task).lines({ columns: 90, rows: 24 }, NONE, null, 0);
    expect(lines).toEqual([
      expect.stringMatching(/^epoch 2\/2 {2}━+─+ +25 % {2}0:04 left$/),
      'step 12/20 · loss 0.1667 · accuracy 25.00 % · 0:04 left · 128 samples/s',
      '0  a:1  wasm  computing  70 samples/s   1 lease',
      expect.stringMatching(/^1 {2}b:2 {2}wasm {2}suspected +3 leases$/),
    ]);
  });

  it('shows how far a validation is, and what the last one found', () => {
    const task = { work: 'validation', step: 10, done: 1, leaves: 4 } as const;
    const evaluated = { at: 0, type: 'evaluated', purpose: 'validation', step: 10, epoch: 0 } as const;
    const events: RunEvent[] = [step(10), { ...evaluated, samples: 64, loss: 1, accuracy: 0.5, seconds: 1 }];
    const view = viewAfter(events, task);
    const [bar, figures] = view.lines({ columns: 120, rows: 24 }, NONE, null, 0);
    expect(bar).toMatch(/^validation ━+─+ +25 %$/);
    expect(figures).toContain('validation accuracy 50.00 %');
    expect(view.lines({ columns: 120, rows: 24 }, NONE, 'waiting for a worker', 0)[0]).toBe('waiting for a worker');
  });

  it('takes half of the rows at most and never more columns than there are', () => {
    const view = viewAfter([step(12)], { work: 'gradient', step: 12, done: 0, leaves: 4 });
    for (const columns of [37, 57, 77, 137]) {
      for (const rows of [6, 10, 24]) {
        const lines = view.lines({ columns, rows }, NONE, null, 0);
        expect(lines.length).toBeLessThanOrEqual(Math.max(2, rows / 2));
        for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
      }
    }
  });

  it('keeps a worker that has left for half a minute', () => {
    const view = viewAfter([], { work: 'gradient', step: 0, done: 0, leaves: 4 });
    const who = { workerId: 'w', rank: 7 };
    view.see({ at: 0, type: 'worker-joined', ...who, name: 'c:3', engine: 'wasm', workers: 1 });
    view.see({ at: Date.now(), type: 'worker-left', ...who, reason: 'killed', workers: 0 });
    expect(view.lines({ columns: 80, rows: 24 }, NONE, null, 0).at(-1)).toMatch(/^7 {2}c:3 {2}wasm {2}gone/);
    view.see({ at: Date.now() - 31_000, type: 'worker-joined', ...who, name: 'c:3', engine: 'wasm', workers: 1 });
    expect(view.lines({ columns: 80, rows: 24 }, NONE, null, 1_000).at(-1)).toMatch(/^1 {2}b:2/);
  });
});
