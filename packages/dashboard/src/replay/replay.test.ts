import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { RunEvent, RunFact, StepTiming } from '@convoy/protocol/run-events';
import { Replay } from './replay.ts';

/** A run whose first worker was killed in step 19 and whose coordinator after step 25; another one resumed it at step 21. */
const lines = readFileSync(new URL('recorded-run.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const events = lines.map((line) => JSON.parse(line) as RunEvent);

function replayOf(some: readonly string[]): Replay {
  const replay = new Replay();
  for (const line of some) replay.readLine(line);
  return replay;
}

function replayOfFacts(...facts: readonly RunFact[]): Replay {
  return replayOf(facts.map((fact, at) => JSON.stringify({ at, ...fact })));
}

const started: RunFact = {
  ...{ type: 'run-started', run: 'r', incarnation: 'i', totalSteps: 40, stepsPerEpoch: 10 },
  ...{ trainSamples: 1, validationSamples: 0, testSamples: 0, parameterCount: 1 },
};
const step = (number: number, loss = 0.5): RunFact => ({
  ...{ type: 'step', step: number, epoch: 1, samples: 50, loss, accuracy: 1, learningRate: 0.1, gradientNorm: 1 },
  ...{ workers: 2, stepMs: 100, busyShare: 1, bytesReceived: 0, bytesSent: 0 },
});

test('a run that was resumed has each step once, with its last figures', () => {
  const replay = replayOf(lines);
  expect([...replay.series.steps]).toEqual(Array.from({ length: 42 }, (_, i) => i + 1));
  const last = new Map(events.flatMap((event) => (event.type === 'step' ? [[event.step, event]] : [])));
  expect([...replay.series.values('loss')]).toEqual([...last.values()].map(({ loss }) => loss));
  expect(replay.epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(replay.validations.map((each) => each.step)).toEqual([7, 14, 21, 28, 35, 42]);
  expect(replay.tests).toMatchObject([{ step: 42, metric: 0.9 }]);
  expect(replay.state).toMatchObject({ name: 'ended', outcome: 'completed' });
  expect([replay.lines, replay.damaged, replay.leftMs]).toEqual([lines.length, 0, null]);
});

test('at every line it is what a reader of those lines knows, however the lines came', () => {
  const whole = new Replay();
  for (const [index, line] of lines.entries()) {
    whole.readLine(line);
    const steps = whole.series.steps;
    expect(new Set(steps).size).toBe(steps.length);
    if (events[index]!.type === 'step') expect(whole.state.name).toBe('training');
  }
  expect(whole.told).toEqual(replayOf(lines).told);
});

test('a killed worker is suspect, then gone with its reason; the one in its place is another', () => {
  const until = (type: RunEvent['type']) => lines.slice(0, events.findIndex((event) => event.type === type) + 1);
  const killed = { rank: 1, name: 'node:4208' };
  expect(replayOf(until('worker-suspected')).workers.all).toContainEqual(
    expect.objectContaining({ ...killed, state: 'suspect', reason: expect.stringContaining('connection lost') }),
  );
  const left = replayOf(until('worker-left')).workers;
  expect(left.all.at(-1)).toMatchObject({ ...killed, state: 'gone', reason: 'did not come back within 2 s' });
  expect(left.hereCount).toBe(1);
  const all = replayOf(lines).workers.all;
  expect(all.map(({ name }) => name)).toEqual(['node:4209', 'node:5006', 'node:4208', 'node:4691']);
});

test('a rollback takes back what came after, and ends the findings that caused it', () => {
  const finding: RunFact = {
    ...{ type: 'health', kind: 'collapsed', severity: 'alarm', since: 12, step: 13, evidence: 'e', advice: 'a' },
  };
  const back: RunFact = {
    ...{ type: 'rolled-back', fromStep: 13, toStep: 10, kind: 'collapsed', since: 12, learningRateFactor: 0.5 },
  };
  const steps = Array.from({ length: 13 }, (_, i) => step(i + 1));
  const replay = replayOfFacts(started, ...steps, finding, back);
  expect(replay.state).toEqual({ name: 'going-back', toStep: 10 });
  expect([replay.step, replay.series.length, replay.activeFindings.length]).toEqual([10, 10, 0]);
  expect(replay.findings).toMatchObject([{ kind: 'collapsed', clearedAtStep: 13 }]);
});

test('what is no event is counted, and what is not finite has no figure', () => {
  const notFinite = JSON.stringify({ at: 1, ...step(1), loss: null });
  const replay = replayOf([JSON.stringify({ at: 0, ...started }), '{"at":', 'null', notFinite]);
  expect([replay.damaged, replay.lines, replay.series.values('loss')[0]]).toEqual([2, 4, NaN]);
});

test('time left follows the pace of the last steps', () => {
  expect(replayOfFacts(started).leftMs).toBeNull();
  expect(replayOfFacts(started, step(1), step(2)).leftMs).toBe(38 * 100);
});

test('a step’s time is shared out, each worker has its leases, and a log of an older version has neither', () => {
  const joined = (rank: number): RunFact => ({
    ...{ type: 'worker-joined', workerId: `w${rank}`, rank, name: `host:${rank}`, engine: 'e', workers: rank + 1 },
  });
  const timing: StepTiming = {
    ...{ firstMs: 40, allMs: 100, waitMs: 30, serverMs: 12, sendMs: 5, sumMs: 2, normMs: 1, updateMs: 9 },
    arrivals: [
      [0, 40, 35, 8],
      [0, 70, 28, 8],
      [1, 100, 90, 24, 3],
    ],
  };
  const timed = (number: number): RunFact => ({ ...(step(number) as Extract<RunFact, { type: 'step' }>), timing });
  const replay = replayOfFacts(started, joined(0), joined(1), step(1), timed(2), timed(3));
  const last = (quantity: 'computingMs' | 'waitingMs' | 'serverMs') => replay.series.values(quantity).at(-1);
  expect([last('computingMs'), last('waitingMs'), last('serverMs')]).toEqual([65, 30, 17]);
  expect(replay.series.values('waitingMs')[0]).toBe(NaN);
  expect(replay.arrivals.recent.map((each) => each.step)).toEqual([2, 3]);
  expect(replay.workers.all.map(({ rank, done }) => [rank, done])).toEqual([
    [0, 4],
    [1, 6],
  ]);
  expect(replayOf(lines).arrivals.recent).toEqual([]);
  expect(replayOf(lines).workers.all.every(({ done }) => done === 0)).toBe(true);
});

test('a pause is asked for, begins when the step is done, and ends; its time is known', () => {
  const asked = (request: 'pause' | 'unpause', refusal: string | null = null): RunFact => ({
    ...{ type: 'operator-request', request, by: 'operator ab at 127.0.0.1', refusal },
  });
  const facts: RunFact[] = [started, step(1), asked('pause'), step(2), { type: 'paused', step: 2 }, step(3)];
  const states = facts.map((_, index) => {
    const replay = replayOfFacts(...facts.slice(0, index + 1));
    return [replay.state.name, replay.isPauseWanted];
  });
  expect(states.slice(1, 5)).toEqual([
    ['training', false],
    ['training', true],
    ['training', true],
    ['paused', true],
  ]);
  expect(replayOfFacts(...facts.slice(0, 5), asked('unpause', 'no')).isPauseWanted).toBe(true);
  const over = replayOfFacts(...facts.slice(0, 5), asked('unpause'), { type: 'resumed', workers: 1 });
  expect([over.state.name, over.isPauseWanted, over.pausedMs]).toEqual(['training', false, 2]);
});

test('an evaluation goes on until it has ended, whoever is waited for meanwhile', () => {
  const facts: RunFact[] = [
    started,
    step(10),
    { type: 'evaluation-started', purpose: 'validation', step: 10, epoch: 1, samples: 500 },
    { type: 'waiting', workers: 0, minWorkers: 1 },
    { type: 'resumed', workers: 1 },
    { type: 'evaluated', purpose: 'validation', step: 10, epoch: 1, samples: 500, loss: 1, accuracy: 0, seconds: 1 },
  ];
  const states = facts.map((_, index) => replayOfFacts(...facts.slice(0, index + 1)).state.name);
  expect(states.slice(1)).toEqual(['training', 'evaluating', 'waiting', 'evaluating', 'training']);
});
