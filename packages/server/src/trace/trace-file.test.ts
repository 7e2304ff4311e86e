import { expect, test } from 'vitest';
import { packSpans, type Span } from '@convoy/protocol/lease-spans';
import { parseTracedSteps, StepTracer } from './step-tracer.ts';
import { traceFileOf, type TraceFile } from './trace-file.ts';

const block = { start: 0, size: 2 };
/** What the worker's clock shows more. */
const AHEAD_MS = 7_000;

interface Told {
  readonly atMs: number;
  readonly spans?: readonly (readonly [Span['kind'], fromMs: number, toMs: number])[];
  readonly isDone?: boolean;
}

/** A step with one lease: parameters go off 1 ms after its beginning, the lease 1 ms later; its result is there 50 ms later. */
function trace(tracer: StepTracer, step: number, { atMs, spans = [], isDone = true }: Told): void {
  tracer.opened(step - 1, atMs);
  if (!tracer.isTracing) return;
  tracer.spent('encode', atMs, atMs + 1);
  tracer.sending('w', atMs + 1);
  tracer.leased({ workerId: 'w', rank: 3, name: 'host:1', task: step, block }, atMs + 2);
  const told = packSpans(
    spans.map(([kind, from, to]) => ({ kind, fromMs: atMs + from + AHEAD_MS, toMs: atMs + to + AHEAD_MS })),
  );
  const [leasedMs, sentMs] = [atMs + 4 + AHEAD_MS, atMs + 46 + AHEAD_MS];
  tracer.told('w', { type: 'spans', task: step, block, leasedMs, sentMs, spans: told }, atMs + 48);
  tracer.arrived('w', step, block, atMs + 50);
  tracer.spent('norm', atMs + 50, atMs + 51);
  if (isDone) tracer.committed(atMs + 60);
}

const partsOf = ({ traceEvents }: TraceFile, pid: number) =>
  traceEvents.flatMap((event) =>
    event.ph === 'X' && event.pid === pid ? [[event.name, event.ts / 1e3, event.dur / 1e3]] : [],
  );

test('a step has its parts on the server and on a worker, on the server’s clock', () => {
  const tracer = new StepTracer({ first: 5, last: 6 });
  const spans = [
    ['encode', 44, 46],
    ['decode', 4, 5],
    ['compute', 5, 44],
  ] as const;
  for (const [i, step] of [4, 5, 6, 7].entries()) trace(tracer, step, { atMs: 1_000 * (i + 1), spans });
  expect(tracer.isUnsaved).toBe(true);
  const file = traceFileOf(tracer, 'r');
  expect(partsOf(file, 1).slice(0, 3)).toEqual([
    ['step 5', 0, 60],
    ['encode', 0, 1],
    ['norm', 50, 1],
  ]);
  expect(partsOf(file, 13).slice(0, 6)).toEqual([
    ['step 5, micro-batches from 0', 1, 49],
    ['receive', 1, 3],
    ['encode', 44, 2],
    ['decode', 4, 1],
    ['compute', 5, 39],
    ['send', 46, 4],
  ]);
  expect(partsOf(file, 1).filter(([name]) => String(name).startsWith('step'))).toHaveLength(2);
  expect(file.otherData).toMatchObject({
    ...{ run: 'r', steps: '5-6', startedAt: new Date(2_000).toISOString(), spansLeftOut: 0 },
    clocks: [{ rank: 3, name: 'host:1', offsetMs: AHEAD_MS, roundTrips: 2 }],
  });
  // The way there and back took 4 ms.
  expect(file.otherData.clocks[0]!.uncertaintyMs).toBeCloseTo(2, 1);
});

test('what sticks out by less than a clock is uncertain is cut, and what can’t have been is left out and counted', () => {
  const tracer = new StepTracer({ first: 1, last: 1 });
  const spans = [
    ['decode', 0, 5],
    ['compute', -900, 44],
    ['read batch', 5, 5_000],
  ] as const;
  trace(tracer, 1, { atMs: 1_000, spans });
  const file = traceFileOf(tracer, 'r');
  expect(file.otherData.spansLeftOut).toBe(2);
  expect(partsOf(file, 13)).toContainEqual(['decode', 1, 4]);
});

test('a step that is done again is there twice, and one without a result says so', () => {
  const tracer = new StepTracer({ first: 2, last: 2 });
  trace(tracer, 2, { atMs: 1_000, isDone: false });
  trace(tracer, 2, { atMs: 2_000 });
  tracer.opened(1, 3_000);
  tracer.leased({ workerId: 'v', rank: 0, name: 'host:2', task: 9, block }, 3_001);
  tracer.committed(3_040);
  const names = [...partsOf(traceFileOf(tracer, 'r'), 1)].map(([name]) => name);
  expect(names.filter((name) => String(name).startsWith('step'))).toEqual([
    'step 2 (not done)',
    'step 2 again',
    'step 2 again',
  ]);
  expect(partsOf(traceFileOf(tracer, 'r'), 10)).toEqual([
    ['step 2, micro-batches from 0 (no result in the step)', 2_001, 39],
  ]);
});

test('a worker’s clock is asked for until the last chosen step, and only the answers to questions count', () => {
  const tracer = new StepTracer({ first: 1, last: 1 });
  expect([1, 2, 3, 4, 5].map((ms) => tracer.asking('w', ms))).toEqual([1, 2, 3, 4, 5]);
  const answer = (aliveMs: number) => tracer.answered('w', { aliveMs, heardMs: 100, sentMs: 101 }, 10);
  for (const ms of [1, 6, 4, 3, 4]) answer(ms);
  expect(tracer.clockOf('w').measured).toBe(1);
  trace(tracer, 1, { atMs: 1_000 });
  expect(tracer.asking('w', 2_000)).toBeNull();
});

test.each([
  ['7', { first: 7, last: 7 }],
  ['100-120', { first: 100, last: 120 }],
  ['1-200', { first: 1, last: 200 }],
  ['1-201', null],
  ['5-3', null],
  ['0-3', null],
  ['3-', null],
  ['soon', null],
])('the steps %s are %o', (text, steps) => expect(parseTracedSteps(text)).toEqual(steps));
