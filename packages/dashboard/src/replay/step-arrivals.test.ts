import { expect, test } from 'vitest';
import type { Arrival, RunEvent } from '@convoy/protocol/run-events';
import { lateInWords, latenessIn, msText, RECENT_STEPS, StepArrivals } from './step-arrivals.ts';

type StepEvent = Extract<RunEvent, { readonly type: 'step' }>;

/** A step of which each result came in after so many milliseconds, from the workers in the order of their ranks. */
function stepOf(step: number, ...atMs: readonly number[]): StepEvent {
  const ordered = [...atMs].sort((a, b) => b - a);
  const arrivals = atMs.map((ms, rank): Arrival => [rank, ms, ms, 8]).sort((a, b) => a[1] - b[1]);
  const allMs = ordered[0]!;
  const timing = {
    ...{ firstMs: ordered.at(-1)!, allMs, waitMs: allMs - (ordered[1] ?? allMs), serverMs: 10, arrivals },
    ...{ sendMs: 0, sumMs: 0, normMs: 0, updateMs: 0 },
  };
  return {
    ...{ at: 0, type: 'step', step, epoch: 0, samples: 16, loss: 1, accuracy: 0, learningRate: 0.1, gradientNorm: 1 },
    ...{ workers: 2, stepMs: allMs + 10, busyShare: 1, bytesReceived: 0, bytesSent: 0, timing },
  };
}

function arrivalsOf(...events: readonly StepEvent[]): StepArrivals {
  const arrivals = new StepArrivals();
  for (const event of events) arrivals.see(event);
  return arrivals;
}

test('the last steps are kept, and what is done again takes the place of what was taken back', () => {
  const arrivals = arrivalsOf(...Array.from({ length: 3 * RECENT_STEPS }, (_, i) => stepOf(i + 1, 50, 90)));
  expect(arrivals.recent.map(({ step }) => step)).toEqual(
    Array.from({ length: RECENT_STEPS }, (_, i) => 2 * RECENT_STEPS + 1 + i),
  );
  arrivals.takeBack(3 * RECENT_STEPS - 2);
  arrivals.see(stepOf(3 * RECENT_STEPS - 1, 100, 40));
  expect(arrivals.recent.slice(-2).map(({ step, ms }) => [step, ms])).toEqual([
    [148, 100],
    [149, 110],
  ]);
});

test('a step of an older version, which tells no times, is none of them', () => {
  const { timing: _, ...old } = stepOf(1, 50, 90);
  expect(arrivalsOf(old).recent).toEqual([]);
});

test('whose result is last in most steps is told in words, with how much and what it costs', () => {
  const steps = [...Array.from({ length: 9 }, (_, i) => stepOf(i + 1, 40, 90, 50)), stepOf(10, 80, 90, 130)];
  const { recent } = arrivalsOf(...steps);
  expect(latenessIn(recent)).toEqual([
    { rank: 1, steps: 10, last: 9, byMs: 40 },
    { rank: 2, steps: 10, last: 1, byMs: 40 },
    { rank: 0, steps: 10, last: 0, byMs: 0 },
  ]);
  expect(lateInWords(recent)).toBe(
    'Worker 1 was last in 9 of the last 10 steps, usually by 40 ms. Waiting for the last worker took 38 % of the time.',
  );
});

test('nobody is called late whom chance may have made last, or who computes alone', () => {
  const fair = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? stepOf(i + 1, 50, 52) : stepOf(i + 1, 52, 50)));
  expect(lateInWords(arrivalsOf(...fair).recent)).toBe(
    'No worker is usually last: worker 0 was in 5 of the last 10 steps, worker 1 in 5. Waiting for the last worker took 3 % of the time.',
  );
  expect(lateInWords(arrivalsOf(stepOf(1, 50)).recent)).toBe('One worker computes: nobody waits for another.');
});

test.each([
  [3.24, '3.2 ms'],
  [9.96, '10 ms'],
  [118.4, '118 ms'],
  [999.6, '1.00 s'],
  [12_340, '12.3 s'],
])('%f ms are told as %s', (ms, text) => expect(msText(ms)).toBe(text));
