import { describe, expect, it } from 'vitest';
import type { RunEvent } from '@convoy/protocol/run-events';
import { joined, resumed } from './events.fixture.ts';
import { fitMemory } from './memory-slope.ts';

/** Every 10 s from `from`: a worker that grows by 1 MB and a server by 2 MB each time. */
function memory(from: number, count: number, rank: number, workerMb: number, serverMb: number): RunEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    at: from + 10_000 * index,
    type: 'memory',
    rank,
    rssBytes: 1e6 * (workerMb + index),
    tensors: 16,
    serverRssBytes: 1e6 * (serverMb + 2 * index),
  }));
}

describe('fitMemory', () => {
  it('fits one slope through processes that began at different sizes', () => {
    const events = [
      ...[joined(0), ...memory(0, 5, 0, 500, 100)],
      ...[resumed(60_000, 3), joined(61_000, 1), ...memory(61_000, 6, 1, 900, 50)],
    ];
    const slopes = fitMemory(events);
    expect(slopes.workerMbPerHour).toBeCloseTo(360, 6);
    expect(slopes.serverMbPerHour).toBeCloseTo(720, 6);
    expect(slopes).toMatchObject({ workerPeakMb: 905, serverPeakMb: 108, workerLongestMs: 30_000 });
  });

  it('follows a worker whose rank another coordinator changed', () => {
    const again: RunEvent = { ...(joined(60_000, 7) as Extract<RunEvent, { type: 'worker-joined' }>), workerId: 'w0' };
    const events = [
      joined(0),
      ...memory(0, 5, 0, 500, 100),
      resumed(50_000, 3),
      again,
      ...memory(60_000, 1, 7, 506, 50),
    ];
    expect(fitMemory(events).workerMbPerHour).toBeCloseTo(360, 6);
  });

  it('says nothing of processes that lived for less than their warm-up', () => {
    expect(fitMemory([joined(0), ...memory(0, 2, 0, 500, 100)])).toEqual({
      serverMbPerHour: null,
      workerMbPerHour: null,
      serverLongestMs: 0,
      workerLongestMs: 0,
      serverPeakMb: 102,
      workerPeakMb: 501,
    });
    expect(fitMemory([])).toMatchObject({ serverPeakMb: null, workerPeakMb: null });
  });
});
