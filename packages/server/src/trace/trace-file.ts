import type { StepTracer, TracedLease, TracedStep } from './step-tracer.ts';

/** The file in the run's folder. */
export const TRACE_FILE = 'trace.json';

const SERVER_PID = 1;
const FIRST_WORKER_PID = 10;

/** An event of the Trace Event Format: complete ones (X) and names (M). Times are microseconds. */
export type TraceEvent =
  | {
      readonly ph: 'X';
      readonly name: string;
      readonly cat: 'server' | 'worker';
      readonly ts: number;
      readonly dur: number;
      readonly pid: number;
      readonly tid: number;
      readonly args?: Readonly<Record<string, unknown>>;
    }
  | {
      readonly ph: 'M';
      readonly name: 'process_name' | 'process_sort_index' | 'thread_name';
      readonly pid: number;
      readonly tid: number;
      readonly args: Readonly<Record<string, unknown>>;
    };

export interface TraceFile {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: 'ms';
  readonly otherData: {
    readonly run: string;
    readonly steps: string;
    /** When the first of them began: `ts` counts from there. */
    readonly startedAt: string;
    readonly clocks: readonly TracedClock[];
    /** What workers told that can't have been so. */
    readonly spansLeftOut: number;
  };
}

interface TracedClock {
  readonly rank: number;
  readonly name: string;
  /** What its clock showed more than the server's, and how far this may be wrong, in the last of its leases. */
  readonly offsetMs: number | null;
  readonly uncertaintyMs: number | null;
  readonly roundTrips: number;
}

/**
 * What was recorded in the Trace Event Format, which Perfetto and chrome://tracing open: all on the server's clock.
 * Source: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
export function traceFileOf(tracer: StepTracer, run: string): TraceFile {
  const { steps, chosen } = tracer;
  const originMs = steps[0]?.beganMs ?? 0;
  const events: TraceEvent[] = named(SERVER_PID, 'server', -1);
  const clocks = new Map<string, TracedClock & { readonly pid: number }>();
  let leftOut = 0;
  const add = (
    cat: 'server' | 'worker',
    { pid, name, fromMs, toMs, args }: { pid: number; name: string; fromMs: number; toMs: number; args?: object },
  ) => {
    const [ts, dur] = [micros(fromMs - originMs), micros(toMs - fromMs)];
    events.push({ ph: 'X', name, cat, ts, dur, pid, tid: 1, ...(args === undefined ? {} : { args: { ...args } }) });
  };
  for (const [index, step] of steps.entries()) {
    const endMs = endOf(step, steps[index + 1]);
    const isAgain = steps.slice(0, index).some((each) => each.step === step.step);
    const name = `step ${step.step}${isAgain ? ' again' : ''}${step.endedMs === null ? ' (not done)' : ''}`;
    add('server', { pid: SERVER_PID, name, fromMs: step.beganMs, toMs: endMs, args: { step: step.step } });
    for (const { work, fromMs, toMs } of step.spans) add('server', { pid: SERVER_PID, name: work, fromMs, toMs });
    for (const lease of step.leases) {
      const { workerId, rank } = lease;
      const clock = tracer.clockOf(workerId);
      const untilMs = lease.arrivedMs ?? endMs;
      const offset = clock.at(untilMs);
      const pid = FIRST_WORKER_PID + rank;
      const { offsetMs = null, uncertaintyMs = null } = offset ?? {};
      clocks.set(workerId, { rank, name: lease.name, offsetMs, uncertaintyMs, roundTrips: clock.measured, pid });
      const { start, size } = lease.block;
      const about = { step: step.step, block: { start, size }, ...(offset ?? {}) };
      const title = `step ${step.step}, ${size === 1 ? `micro-batch ${start}` : `micro-batches from ${start}`}`;
      const end = lease.arrivedMs === null ? ' (no result in the step)' : '';
      add('worker', { pid, name: title + end, fromMs: lease.sentMs, toMs: untilMs, args: about });
      const parts = offset === null ? [] : partsOf(lease, untilMs, offset.offsetMs);
      for (const part of parts) {
        const placed = within(part, lease.sentMs, untilMs, offset!.uncertaintyMs);
        if (placed === null) leftOut++;
        else add('worker', { pid, ...placed });
      }
    }
  }
  for (const { pid, rank, name, uncertaintyMs } of clocks.values()) {
    const clock = uncertaintyMs === null ? '' : `, clock ± ${uncertaintyMs.toFixed(2)} ms`;
    events.push(...named(pid, `worker ${rank} (${name}${clock})`, rank));
  }
  return {
    traceEvents: events,
    displayTimeUnit: 'ms',
    otherData: {
      run,
      steps: chosen.first === chosen.last ? `${chosen.first}` : `${chosen.first}-${chosen.last}`,
      startedAt: new Date(originMs).toISOString(),
      clocks: [...clocks.values()].map(({ pid: _, ...clock }) => clock).sort((a, b) => a.rank - b.rank),
      spansLeftOut: leftOut,
    },
  };
}

interface Part {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a worker did with a lease, on the server's clock: both ways over the line are from one machine's clock to the other's. */
function partsOf({ sentMs, told, arrivedMs }: TracedLease, untilMs: number, offsetMs: number): readonly Part[] {
  if (told === null) return [];
  const spans = told.spans.map(({ kind, fromMs, toMs }) => ({
    ...{ name: kind, fromMs: fromMs - offsetMs, toMs: toMs - offsetMs },
  }));
  const decode = spans.find(({ name }) => name === 'decode');
  const receive = { name: 'receive', fromMs: sentMs, toMs: decode?.fromMs ?? told.leasedMs - offsetMs };
  const send = { name: 'send', fromMs: told.sentMs - offsetMs, toMs: untilMs };
  return [receive, ...spans, ...(arrivedMs === null ? [] : [send])];
}

/** A part that sticks out by no more than its clock is uncertain is cut there; null of one that can't have been. */
function within(part: Part, leastMs: number, mostMs: number, uncertaintyMs: number): Part | null {
  const room = uncertaintyMs + 1e-3;
  if (part.fromMs < leastMs - room || part.toMs > mostMs + room) return null;
  const fromMs = Math.min(mostMs, Math.max(leastMs, part.fromMs));
  return { ...part, fromMs, toMs: Math.min(mostMs, Math.max(fromMs, part.toMs)) };
}

/** A step that was given up lasted until the next began, or until its last sign. */
function endOf(step: TracedStep, next: TracedStep | undefined): number {
  const signs = [step.beganMs, ...step.spans.map(({ toMs }) => toMs), ...step.leases.map((each) => each.leasedMs)];
  const lastMs = Math.max(...signs, ...step.leases.map(({ arrivedMs }) => arrivedMs ?? 0));
  return step.endedMs ?? Math.min(lastMs, next?.beganMs ?? Infinity);
}

function named(pid: number, name: string, place: number): TraceEvent[] {
  return [
    { ph: 'M', name: 'process_name', pid, tid: 1, args: { name } },
    { ph: 'M', name: 'process_sort_index', pid, tid: 1, args: { sort_index: place } },
    { ph: 'M', name: 'thread_name', pid, tid: 1, args: { name: pid === SERVER_PID ? 'steps' : 'leases' } },
  ];
}

/** Thousandths of a microsecond are more than any clock tells. */
function micros(ms: number): number {
  return Math.round(1e6 * ms) / 1e3;
}
