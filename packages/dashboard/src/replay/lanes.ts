import { lastOf, type SeenStep } from './step-arrivals.ts';

/** A result in its worker's lane. Times are milliseconds from the lanes' beginning. */
export interface LaneResult {
  readonly step: number;
  /** Its worker computed from then on, by its own account, until it came in. */
  readonly fromMs: number;
  readonly atMs: number;
  /** Since the step's beginning. */
  readonly inStepMs: number;
  readonly computeMs: number;
  readonly samples: number;
  /** More than one where several came to one entry. */
  readonly results: number;
  /** Others had to wait for it. */
  readonly isLast: boolean;
  /** How long they waited, if so. */
  readonly byMs: number;
}

export interface Lanes {
  readonly ms: number;
  readonly steps: readonly { readonly step: number; readonly fromMs: number; readonly toMs: number }[];
  /** By rank. */
  readonly workers: readonly { readonly rank: number; readonly results: readonly LaneResult[] }[];
}

/** Steps one behind another, with a lane for each worker. What was between them, such as an evaluation, is left out. */
export function lanesOf(steps: readonly SeenStep[]): Lanes {
  const workers = new Map<number, LaneResult[]>();
  const spans: Lanes['steps'][number][] = [];
  let beganMs = 0;
  for (const { step, ms, waitMs, arrivals } of steps) {
    spans.push({ step, fromMs: beganMs, toMs: beganMs + ms });
    const last = lastOf(arrivals);
    const isAwaited = arrivals.some(([rank]) => rank !== last);
    const latestMs = Math.max(...arrivals.map(([, atMs]) => atMs));
    for (const [rank, inStepMs, computeMs, samples, results = 1] of arrivals) {
      const isLast = isAwaited && rank === last && inStepMs === latestMs;
      const atMs = beganMs + inStepMs;
      const lane = workers.get(rank) ?? [];
      lane.push({
        ...{ step, fromMs: Math.max(beganMs, atMs - computeMs), atMs, inStepMs, computeMs, samples, results, isLast },
        byMs: isLast ? waitMs : 0,
      });
      workers.set(rank, lane);
    }
    beganMs += ms;
  }
  return {
    ms: beganMs,
    steps: spans,
    workers: [...workers].map(([rank, results]) => ({ rank, results })).sort((a, b) => a.rank - b.rank),
  };
}
