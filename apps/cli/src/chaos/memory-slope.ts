import type { RunEvent } from '@convoy/protocol/run-events';

/** How the processes' resident memory changes, in MB per hour; null where nothing lived long enough to tell. */
export interface MemorySlopes {
  readonly serverMbPerHour: number | null;
  readonly workerMbPerHour: number | null;
  /** The longest time over which one process was fitted: a slope over less than minutes says little about hours. */
  readonly serverLongestMs: number;
  readonly workerLongestMs: number;
  /** The largest that was seen. */
  readonly serverPeakMb: number | null;
  readonly workerPeakMb: number | null;
}

/** A process takes most of its memory when it begins: this much of its life is not counted. */
const WARM_UP_MS = 20_000;
const MS_PER_HOUR = 3_600_000;

/** Linear fits over the `memory` events of a run: one slope for all processes of a kind, which each begin where they begin. */
export function fitMemory(events: readonly RunEvent[]): MemorySlopes {
  const servers = new Map<string, Point[]>();
  const workers = new Map<string, Point[]>();
  let incarnation = '';
  const workerIds = new Map<number, string>();
  for (const event of events) {
    if (event.type === 'run-started' || event.type === 'run-resumed') {
      incarnation = event.incarnation;
      // Every coordinator gives ranks anew.
      workerIds.clear();
    } else if (event.type === 'worker-joined') workerIds.set(event.rank, event.workerId);
    else if (event.type === 'memory') {
      addPoint(servers, incarnation, event.at, event.serverRssBytes);
      addPoint(workers, workerIds.get(event.rank) ?? '', event.at, event.rssBytes);
    }
  }
  return {
    serverMbPerHour: commonSlope([...servers.values()]),
    workerMbPerHour: commonSlope([...workers.values()]),
    serverLongestMs: longest([...servers.values()]),
    workerLongestMs: longest([...workers.values()]),
    serverPeakMb: peak([...servers.values()]),
    workerPeakMb: peak([...workers.values()]),
  };
}

interface Point {
  readonly atMs: number;
  readonly mb: number;
}

function addPoint(groups: Map<string, Point[]>, key: string, atMs: number, bytes: number): void {
  const points = groups.get(key) ?? [];
  groups.set(key, points);
  points.push({ atMs, mb: bytes / 1e6 });
}

/** Least squares with one slope and an intercept for each group. */
function commonSlope(groups: readonly (readonly Point[])[]): number | null {
  let covariance = 0;
  let variance = 0;
  for (const all of groups) {
    const points = afterWarmUp(all);
    const meanMs = mean(points.map(({ atMs }) => atMs));
    const meanMb = mean(points.map(({ mb }) => mb));
    for (const { atMs, mb } of points) {
      covariance += (atMs - meanMs) * (mb - meanMb);
      variance += (atMs - meanMs) ** 2;
    }
  }
  return variance === 0 ? null : (MS_PER_HOUR * covariance) / variance;
}

function afterWarmUp(points: readonly Point[]): readonly Point[] {
  return points.filter(({ atMs }) => atMs >= points[0]!.atMs + WARM_UP_MS);
}

function longest(groups: readonly (readonly Point[])[]): number {
  const lives = groups.map(afterWarmUp).filter(({ length }) => length > 0);
  return Math.max(0, ...lives.map((points) => points.at(-1)!.atMs - points[0]!.atMs));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function peak(groups: readonly (readonly Point[])[]): number | null {
  const all = groups.flat().map(({ mb }) => mb);
  return all.length === 0 ? null : Math.max(...all);
}
