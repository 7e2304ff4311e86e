import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RunEvent } from '@convoy/protocol/run-events';
import { diskError } from './checkpoint-files.fixture.ts';
import { EventLog, workersLeftBehind, type LogFile } from './event-log.ts';

/** A file in memory on a disk of so many bytes; it takes seven at a time. */
class SmallDisk implements LogFile {
  size: number;
  content = Buffer.alloc(0);
  isReadOnly = false;

  constructor(size: number) {
    this.size = size;
  }

  readonly length = () => this.content.length;
  readonly append = (bytes: Uint8Array) => {
    const taken = bytes.subarray(0, Math.min(7, this.size - this.content.length));
    if (taken.length === 0) throw diskError('ENOSPC');
    this.content = Buffer.concat([this.content, taken]);
    return taken.length;
  };
  readonly truncate = (length: number) => {
    if (this.isReadOnly) throw diskError('EIO');
    this.content = this.content.subarray(0, length);
  };
  readonly close = () => {};

  get events(): RunEvent[] {
    return this.content
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RunEvent);
  }
}

const event = (workers: number): RunEvent => ({ at: workers, type: 'resumed', workers });

it.each([false, true])(
  'a log whose disk was full goes on and says how many events are missing (half a line stays: %s)',
  (isStuck) => {
    const disk = new SmallDisk(100);
    const notes: string[] = [];
    const log = new EventLog(disk, (line) => notes.push(line));
    log.append(event(1));
    log.append(event(2));
    disk.isReadOnly = isStuck;
    log.append(event(3));
    log.append(event(4));
    disk.isReadOnly = false;
    log.append(event(5));
    expect(notes).toEqual(
      ["can't write the run's log (ENOSPC: the test's disk refuses): training goes on without it until it can"].map(
        (line) => (isStuck ? line.replace('ENOSPC', 'EIO') : line),
      ),
    );
    disk.size = 1_000;
    log.append(event(6));
    log.append(event(7));
    expect(disk.events).toEqual([event(1), event(2), { at: 6, type: 'log-gap', lost: 3 }, event(6), event(7)]);
    expect(notes.slice(1)).toEqual(["the run's log goes on; 3 events are missing in it"]);
    log.close();
    log.append(event(8));
    expect(disk.events).toHaveLength(5);
  },
);

it('says which workers took part when the last server was gone without a word', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'convoy-log-'));
  const path = join(folder, 'events.jsonl');
  const joined = (workerId: string): RunEvent =>
    ({ at: 1, type: 'worker-joined', workerId, rank: 0, name: 'a', engine: 'wasm', workers: 1 }) as RunEvent;
  const left = (workerId: string): RunEvent => ({
    at: 2,
    type: 'worker-left',
    workerId,
    rank: 0,
    reason: 'bye',
    workers: 0,
  });
  const resumed = { at: 3, type: 'run-resumed', run: 'r', incarnation: 'i', step: 1, totalSteps: 9 } as RunEvent;
  const ended = { at: 4, type: 'run-ended', outcome: 'interrupted' } as RunEvent;
  const after = async (...events: RunEvent[]) => {
    writeFileSync(path, events.map((one) => `${JSON.stringify(one)}\n`).join(''));
    return [...(await workersLeftBehind(path))];
  };
  expect(await after(joined('a'), joined('b'), event(2), left('a'))).toEqual(['b']);
  // The second server was gone before all had found it.
  expect(await after(joined('a'), joined('b'), resumed, joined('b'))).toEqual(['a', 'b']);
  expect(await after(joined('a'), ended)).toEqual([]);
  expect(await after(joined('a'), ended, resumed, joined('b'))).toEqual(['b']);
  rmSync(folder, { recursive: true });
});
