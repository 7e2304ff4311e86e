import { describe, expect, it } from 'vitest';
import { OperatorError } from '@convoy/protocol/errors';
import { diskError } from './checkpoint-files.fixture.ts';
import { LockLostError } from './run-lock.ts';
import { RETRY_FOR_MS, saveResult } from './save-result.ts';

/** Saves with a disk that fails so often, on a clock that only pauses move. */
async function saved(failures: number, error: unknown) {
  let nowMs = 0;
  let attempts = 0;
  const refused: string[] = [];
  const unsaved = await saveResult({
    save: () => (attempts++ < failures ? Promise.reject(error as Error) : Promise.resolve()),
    now: () => nowMs,
    pause: (ms) => Promise.resolve(void (nowMs += ms)),
    onRefused: (reason) => refused.push(reason),
  });
  return { unsaved, attempts, refused, nowMs };
}

const full = new OperatorError('the disk is full', { cause: diskError('ENOSPC') });

describe('saveResult', () => {
  it('tries again while the disk is full, and says so once', async () => {
    expect(await saved(5, full)).toMatchObject({
      unsaved: null,
      attempts: 6,
      refused: ['the disk is full; trying again for 60 s'],
    });
  });

  it('gives up after a minute and says why', async () => {
    const { unsaved, nowMs } = await saved(Infinity, full);
    expect(unsaved).toBe('the disk is full');
    expect(nowMs).toBe(RETRY_FOR_MS);
  });

  it('does not wait for a folder that is gone', async () => {
    expect(await saved(Infinity, diskError('ENOENT'))).toMatchObject({
      unsaved: "ENOENT: the test's disk refuses",
      attempts: 1,
      refused: [],
    });
  });

  it.each([new LockLostError('another serves the run'), new TypeError('a fault')])('throws %s on', async (error) => {
    await expect(saved(1, error)).rejects.toBe(error);
  });
});
