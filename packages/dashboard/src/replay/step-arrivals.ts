import type { Arrival, RunEvent } from '@convoy/protocol/run-events';

type StepEvent = Extract<RunEvent, { readonly type: 'step' }>;

/** Who is late is told of so many steps. */
export const RECENT_STEPS = 50;

/** A step, and when its results came in. */
export interface SeenStep {
  readonly step: number;
  /** From its beginning until its parameters had moved. */
  readonly ms: number;
  /** In which one worker alone kept it waiting. */
  readonly waitMs: number;
  readonly serverMs: number;
  /** In the order of their arrival. */
  readonly arrivals: readonly Arrival[];
}

/** How often a worker's result was the last of a step, and by how much (ms, the median). */
export interface Lateness {
  readonly rank: number;
  /** Steps in which it had a result. */
  readonly steps: number;
  readonly last: number;
  readonly byMs: number;
}

/** The last steps' results, and who is waited for. */
export class StepArrivals {
  #steps: SeenStep[] = [];

  /** The last steps, the newest at the end. Only those that an event tells the times of. */
  get recent(): readonly SeenStep[] {
    return this.#steps.slice(-RECENT_STEPS);
  }

  see({ step, timing }: StepEvent): void {
    if (timing === undefined) return;
    const { allMs, waitMs, serverMs, arrivals } = timing;
    this.#steps.push({ step, ms: allMs + serverMs, waitMs, serverMs, arrivals });
    if (this.#steps.length > 2 * RECENT_STEPS) this.#steps = this.#steps.slice(-RECENT_STEPS);
  }

  /** What was done after that step is done again. */
  takeBack(step: number): void {
    this.#steps = this.#steps.filter((each) => each.step <= step);
  }
}

/** The workers that had results in these steps, the one that was last most often first. */
export function latenessIn(steps: readonly SeenStep[]): readonly Lateness[] {
  const ofRank = new Map<number, { steps: number; readonly by: number[] }>();
  for (const { arrivals, waitMs } of steps) {
    const ranks = new Set(arrivals.map(([rank]) => rank));
    for (const rank of ranks) {
      const worker = ofRank.get(rank) ?? { steps: 0, by: [] };
      worker.steps++;
      ofRank.set(rank, worker);
    }
    // Whoever computes alone keeps nobody waiting.
    if (ranks.size > 1) ofRank.get(lastOf(arrivals)!)!.by.push(waitMs);
  }
  return [...ofRank]
    .map(([rank, worker]) => ({ rank, steps: worker.steps, last: worker.by.length, byMs: median(worker.by) }))
    .sort((a, b) => b.last - a.last || a.rank - b.rank);
}

/** The rank of the worker whose result came in last; undefined where there is none. */
export function lastOf(arrivals: readonly Arrival[]): number | undefined {
  return arrivals.reduce<Arrival | undefined>(
    (latest, each) => (latest === undefined || each[1] >= latest[1] ? each : latest),
    undefined,
  )?.[0];
}

/** Last so often, and so much more often than chance would have it, that it is no chance. */
const OFTEN = 0.4;
const TIMES_CHANCE = 1.5;

/** Who is usually last and by how much, and what the waiting costs: a sentence or two, for everybody. */
export function lateInWords(steps: readonly SeenStep[]): string {
  const workers = latenessIn(steps);
  const [late, next] = workers;
  if (late === undefined) return 'No step has been done yet.';
  if (next === undefined) return 'One worker computes: nobody waits for another.';
  const count = steps.length === 1 ? 'the last step' : `the last ${steps.length} steps`;
  const isUsual = late.last >= Math.max(OFTEN, TIMES_CHANCE / workers.length) * steps.length;
  const who = isUsual
    ? `Worker ${late.rank} was last in ${late.last} of ${count}, usually by ${msText(late.byMs)}.`
    : `No worker is usually last: worker ${late.rank} was in ${late.last} of ${count}, worker ${next.rank} in ${next.last}.`;
  const total = sum(steps.map(({ ms }) => ms));
  const share = total === 0 ? 0 : sum(steps.map(({ waitMs }) => waitMs)) / total;
  return `${who} Waiting for the last worker took ${(100 * share).toFixed(0)} % of the time.`;
}

/** `3.2 ms`, `118 ms`, `1.25 s`. */
export function msText(ms: number): string {
  if (ms >= 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms >= 999.5) return `${(ms / 1_000).toFixed(2)} s`;
  return ms >= 9.95 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function median(values: readonly number[]): number {
  const ordered = [...values].sort((a, b) => a - b);
  return ordered[ordered.length >> 1] ?? 0;
}
