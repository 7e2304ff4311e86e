import { expect, it } from 'vitest';
import type { RunEvent } from '@convoy/protocol/run-events';
import { EventFilter, type WantedEvents } from './event-filter.ts';

const block = { start: 0, size: 1 };
const events: readonly RunEvent[] = [
  { at: 1, type: 'waiting', workers: 0, minWorkers: 1 },
  { at: 2, type: 'worker-joined', workerId: 'x', rank: 3, name: 'host:1', engine: 'e', workers: 1 },
  { at: 3, type: 'released', step: 0, block, workerId: 'x', reason: 'lost' },
  { at: 4, type: 'released', step: 0, block, workerId: 'y', reason: 'lost' },
  { at: 5, type: 'leased-again', step: 0, work: 'gradient', block, rank: 1, insteadOf: { rank: 3, name: 'host:1' } },
];
const timesOf = (wanted: Partial<WantedEvents>) => {
  const filter = new EventFilter({ sinceMs: undefined, worker: undefined, types: [], ...wanted });
  return events.filter((event) => filter.takes(event)).map(({ at }) => at);
};

it('takes the events of a worker, also those that name it by its id or as another', () => {
  expect(timesOf({ worker: 3 })).toEqual([2, 3, 5]);
  expect(timesOf({ worker: 1 })).toEqual([5]);
});

it('takes events since a time, and of some types', () => {
  expect(timesOf({})).toEqual([1, 2, 3, 4, 5]);
  expect(timesOf({ sinceMs: 4 })).toEqual([4, 5]);
  // Whom an id means was told before.
  expect(timesOf({ sinceMs: 3, worker: 3, types: ['released'] })).toEqual([3]);
});
