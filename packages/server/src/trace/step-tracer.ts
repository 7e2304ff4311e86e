import { unpackSpans, type Span } from '@convoy/protocol/lease-spans';
import type { Block, Heartbeat, LeaseSpans } from '@convoy/protocol/messages';
import { WorkerClock } from './clock-offset.ts';

/** Steps to trace, counted from 1, both included. */
export interface TracedSteps {
  readonly first: number;
  readonly last: number;
}

/** More make a file that no viewer opens. */
export const MAX_TRACED_STEPS = 200;
/** Questions that a worker may still answer. */
const MAX_ASKED = 4;
/** Leases in a trace, at most. */
const MAX_LEASES = 20_000;

/** @returns null of what is no range of steps, such as `100-120` or `7`. */
export function parseTracedSteps(text: string): TracedSteps | null {
  const [, from, to = from] = /^([1-9]\d{0,8})(?:-([1-9]\d{0,8}))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  return first <= last && last - first < MAX_TRACED_STEPS ? { first, last } : null;
}

export const TRACED_STEPS_WORDS = `a step or a range of at most ${MAX_TRACED_STEPS} steps, such as 100-120`;

export type ServerWork = 'encode' | 'send' | 'read result' | 'sum' | 'norm' | 'update';

export interface ServerSpan {
  readonly work: ServerWork;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A lease of a traced step. Times are the server's unless said otherwise. */
export interface TracedLease {
  readonly workerId: string;
  readonly rank: number;
  readonly name: string;
  readonly block: Block;
  readonly task: number;
  /** When the parameters for it went off, or it did where the worker had them. */
  readonly sentMs: number;
  readonly leasedMs: number;
  /** When its result was there; null while it is not. */
  arrivedMs: number | null;
  /** By the worker's clock; null until it has told them. */
  told: { readonly leasedMs: number; readonly sentMs: number; readonly spans: readonly Span[] } | null;
}

/** One attempt at a step: one that is done again, after a refusal or a rollback, has several. */
export interface TracedStep {
  readonly step: number;
  readonly beganMs: number;
  /** When its parameters had moved; null while it is not done, or of one that was given up. */
  endedMs: number | null;
  readonly spans: ServerSpan[];
  readonly leases: TracedLease[];
}

/** Records chosen steps of a run, on the server and on its workers. Outlives a server that goes back to a checkpoint. */
export class StepTracer {
  readonly chosen: TracedSteps;
  readonly steps: TracedStep[] = [];
  /** Whether something was recorded since it was written down. */
  isUnsaved = false;
  readonly #clocks = new Map<string, WorkerClock>();
  readonly #sentMs = new Map<string, number>();
  /** The server's times that workers were last asked with. */
  readonly #asked = new Map<string, readonly number[]>();
  #open: TracedStep | null = null;
  #leases = 0;
  #isOver = false;

  constructor(chosen: TracedSteps) {
    this.chosen = chosen;
  }

  /** The clock of a worker, which is unknown before the first round trip. */
  clockOf(workerId: string): WorkerClock {
    let clock = this.#clocks.get(workerId);
    if (clock === undefined) this.#clocks.set(workerId, (clock = new WorkerClock()));
    return clock;
  }

  /** A task begins. @param step how many are done before it; null of an evaluation. */
  opened(step: number | null, nowMs: number): void {
    this.#open = null;
    this.#sentMs.clear();
    if (step === null || step + 1 < this.chosen.first || step + 1 > this.chosen.last) return;
    if (this.#leases >= MAX_LEASES) return;
    this.#open = { step: step + 1, beganMs: nowMs, endedMs: null, spans: [], leases: [] };
    this.steps.push(this.#open);
    this.isUnsaved = true;
    this.#isOver = false;
  }

  /** Whether the step that is being computed is one of the chosen. */
  get isTracing(): boolean {
    return this.#open !== null;
  }

  spent(work: ServerWork, fromMs: number, toMs: number): void {
    this.#open?.spans.push({ work, fromMs, toMs });
  }

  /** Parameters go off to a worker. */
  sending(workerId: string, nowMs: number): void {
    if (this.#open !== null) this.#sentMs.set(workerId, nowMs);
  }

  leased(lease: Pick<TracedLease, 'workerId' | 'rank' | 'name' | 'task' | 'block'>, nowMs: number): void {
    const sentMs = this.#sentMs.get(lease.workerId) ?? nowMs;
    this.#sentMs.delete(lease.workerId);
    this.#leases++;
    this.#open?.leases.push({ ...lease, sentMs, leasedMs: nowMs, arrivedMs: null, told: null });
  }

  /** A worker tells where a lease's time went. @returns what is wrong with it, or null. */
  told(workerId: string, { task, block, leasedMs, sentMs, spans: bytes }: LeaseSpans, nowMs: number): string | null {
    const spans = unpackSpans(bytes);
    if (spans === null) return 'spans that are none';
    const lease = this.#leaseOf(workerId, task, block);
    if (lease === undefined || lease.told !== null) return null;
    lease.told = { leasedMs, sentMs, spans };
    this.clockOf(workerId).note({ askedMs: lease.leasedMs, heardMs: leasedMs, answeredMs: sentMs, receivedMs: nowMs });
    return null;
  }

  arrived(workerId: string, task: number, block: Block, nowMs: number): void {
    const lease = this.#leaseOf(workerId, task, block);
    if (lease !== undefined) lease.arrivedMs ??= nowMs;
  }

  /** The open step's parameters have moved. @returns whether it was the last of the chosen. */
  committed(nowMs: number): boolean {
    const step = this.#open;
    this.#open = null;
    if (step === null) return false;
    step.endedMs = nowMs;
    this.#isOver = step.step === this.chosen.last;
    return this.#isOver;
  }

  /** A sign of life goes to a worker. @returns what it shall be asked with; null when its clock is of no interest any more. */
  asking(workerId: string, nowMs: number): number | null {
    if (this.#isOver) return null;
    this.#asked.set(workerId, [...(this.#asked.get(workerId) ?? []), nowMs].slice(-MAX_ASKED));
    return nowMs;
  }

  /** A worker answered a sign of life. */
  answered(workerId: string, clock: NonNullable<Heartbeat['clock']>, nowMs: number): void {
    const { aliveMs, heardMs, sentMs } = clock;
    // Only what it was asked with: it can't choose how long ago that was.
    const asked = this.#asked.get(workerId) ?? [];
    if (!asked.includes(aliveMs)) return;
    this.#asked.set(workerId, asked.slice(asked.indexOf(aliveMs) + 1));
    this.clockOf(workerId).note({ askedMs: aliveMs, heardMs, answeredMs: sentMs, receivedMs: nowMs });
  }

  #leaseOf(workerId: string, task: number, block: Block): TracedLease | undefined {
    return this.#open?.leases.find(
      (each) => each.workerId === workerId && each.task === task && each.block.start === block.start,
    );
  }
}
