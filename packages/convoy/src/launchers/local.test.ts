import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '@convoy/protocol/errors';
import { LocalWorkers, type LocalWorkersOptions } from './local.ts';
import type { WorkerExit } from './worker-places.ts';

const main = fileURLToPath(new URL('./local.fixture.mjs', import.meta.url));

/** Starts workers that end at once with a code, and stops them after so many exits. */
async function exitsOf(
  code: number,
  count: number,
  stopAfter: number,
  options: Partial<LocalWorkersOptions> = {},
): Promise<WorkerExit[]> {
  const exits: WorkerExit[] = [];
  await new Promise<void>((resolve) => {
    const workers = new LocalWorkers({
      count,
      main,
      args: [String(code)],
      stepsDone: () => 0,
      ...options,
      onLine: () => {},
      onExit: (exit) => {
        exits.push(exit);
        if (exits.length === stopAfter) void workers.stop(1_000).then(resolve);
      },
    });
  });
  return exits;
}

describe('LocalWorkers', () => {
  it('starts a process again that died, each time a little later', async () => {
    const exits = await exitsOf(1, 1, 3);
    expect(exits.map(({ code, restartInMs, left }) => [code, restartInMs, left])).toEqual([
      [1, 250, 1],
      [1, 500, 1],
      [1, 1_000, 1],
    ]);
    expect(new Set(exits.map(({ pid }) => pid)).size).toBe(3);
  });

  it('gives a place up after eight quick deaths, unless steps were done meanwhile', { timeout: 60_000 }, async () => {
    const atOnce = { first: 1, limit: 1 };
    const stuck = await exitsOf(1, 1, 9, { restartMs: atOnce });
    expect(stuck.map(({ left }) => left)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0]);
    let steps = 0;
    const moving = await exitsOf(1, 1, 12, { restartMs: atOnce, stepsDone: () => Math.floor(++steps / 4) });
    expect(moving.every(({ left }) => left === 1)).toBe(true);
  });

  it.each([exitCodes.data, exitCodes.engine, exitCodes.rejected])(
    'does not start a process again that ended with %d, which an operator must mend',
    async (code) => {
      const exits = await exitsOf(code, 2, 2);
      expect(exits.map(({ restartInMs, left }) => [restartInMs, left])).toEqual([
        [null, 1],
        [null, 0],
      ]);
    },
  );
});
