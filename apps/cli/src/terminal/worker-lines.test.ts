import { describe, expect, it } from 'vitest';
import { colorsFor } from '../colors.ts';
import { columnsOf } from './columns.ts';
import { workerLines, type ShownWorker, type WorkerState } from './worker-lines.ts';

const NONE = colorsFor({});
const worker = (rank: number, state: WorkerState = 'computing', name = `host-${rank}:4711`): ShownWorker => ({
  rank,
  name,
  engine: 'tensorflow 2.21.0, 1 thread',
  state,
  samplesPerSecond: state === 'gone' ? null : 100 + rank,
  leasesDone: 1_000 + rank,
});

describe('the lines of the workers', () => {
  const two = [worker(0), worker(10, 'waiting')];

  it('have what there is room for: the leases go first, then the engine, then a part of the name', () => {
    expect(workerLines(two, 100, 5, NONE)[1]).toBe(
      '10  host-10:4711  tensorflow 2.21.0, 1 thread  waiting    110 samples/s  1,010 leases',
    );
    expect(workerLines(two, 80, 5, NONE)).toEqual([
      ' 0  host-0:4711   tensorflow 2.21.0, 1 thread  computing  100 samples/s',
      '10  host-10:4711  tensorflow 2.21.0, 1 thread  waiting    110 samples/s',
    ]);
    expect(workerLines(two, 50, 5, NONE)).toEqual([
      ' 0  host-0:4711   computing  100 samples/s',
      '10  host-10:4711  waiting    110 samples/s',
    ]);
    expect(workerLines(two, 37, 5, NONE)[1]).toBe('10  host-1…  waiting    110 samples/s');
    expect(workerLines(two, 17, 5, NONE)[1]).toBe('10  waiting  ');
  });

  it('are as many as there is room for: who has trouble is among them, and the last counts the others', () => {
    const many = Array.from({ length: 40 }, (_, rank) => worker(rank, rank === 30 ? 'suspected' : 'computing'));
    const lines = workerLines(many, 80, 4, NONE);
    expect(lines.map((line) => line.trim().split(/ {2,}/)[0])).toEqual(['0', '1', '30', '+ 37 more: 37 computing']);
    expect(workerLines(many, 80, 1, NONE)).toEqual(['40 workers: 1 suspected, 39 computing']);
    expect(workerLines(many, 80, 0, NONE)).toEqual([]);
  });

  it('are never wider than there is room for, whatever the names', () => {
    const wide = [worker(0, 'leaving', '日本語のワーカー:123456'), worker(1234, 'gone', 'x'.repeat(128))];
    for (let columns = 1; columns < 160; columns++) {
      for (const line of workerLines(wide, columns, 3, NONE)) {
        expect(columnsOf(line)).toBeLessThanOrEqual(Math.max(columns, '1234  suspected'.length));
      }
    }
  });
});
