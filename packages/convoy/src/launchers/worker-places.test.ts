import { describe, expect, it } from 'vitest';
import { WorkerPlaces, type Ending, type WorkerExit } from './worker-places.ts';

/** The exits of one place whose processes end at once, each in the same way, until the place stays empty or there were so many. */
async function exitsOf(ending: Ending, atMost: number): Promise<WorkerExit[]> {
  const exits: WorkerExit[] = [];
  await new Promise<void>((resolve) => {
    const places = new WorkerPlaces({
      count: 1,
      start: () => ({ pid: 1, ended: Promise.resolve(ending), signal: () => {} }),
      stepsDone: () => 0,
      restartMs: { first: 1, limit: 4 },
      onExit(exit) {
        exits.push(exit);
        if (exits.length === atMost) void places.stop(0).then(resolve);
        else if (exit.left === 0) resolve();
      },
    });
  });
  return exits;
}

describe('WorkerPlaces', () => {
  it('tries for as long as it takes where a machine can not be reached, at longer and longer intervals', async () => {
    const exits = await exitsOf({ code: 255, signal: null, kind: 'outage' }, 20);
    expect(exits.map(({ restartInMs }) => restartInMs)).toEqual([1, 2, ...new Array<number>(18).fill(4)]);
  });

  it('tries no more where it would end in the same way, whatever the code', async () => {
    const exits = await exitsOf({ code: 255, signal: null, kind: 'final' }, 20);
    expect(exits.map(({ restartInMs, left }) => [restartInMs, left])).toEqual([[null, 0]]);
  });

  it('gives a place up after eight deaths that no step came between', async () => {
    const exits = await exitsOf({ code: 1, signal: null }, 20);
    expect(exits.map(({ left }) => left)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0]);
  });
});
