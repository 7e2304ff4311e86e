import { mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from './clone.fixture.mjs';
import { withLock } from './lock.mjs';

test('what two do under one lock does not overlap, and the second is told once that it waits', async () => {
  const directory = temporaryDirectory();
  const events = [];
  let finishFirst = () => {};
  const mayEnd = new Promise((resolve) => (finishFirst = () => resolve(undefined)));
  let first;
  // The second starts only when the first has the lock.
  await new Promise((begun) => {
    first = withLock(directory, {}, async () => {
      events.push('first begins');
      begun(undefined);
      await mayEnd;
      events.push('first ends');
    });
  });
  const onWait = () => {
    events.push('second waits');
    finishFirst();
  };
  const second = withLock(directory, { onWait, pollMs: 1 }, async () => events.push('second begins'));
  await Promise.all([first, second]);
  expect(events).toEqual(['first begins', 'second waits', 'first ends', 'second begins']);
});

test('a lock that was renewed less than ten seconds ago is respected by default', async () => {
  const directory = temporaryDirectory();
  const lock = join(directory, 'provision.lock');
  mkdirSync(lock);
  const ageSeconds = (age) => utimesSync(lock, Date.now() / 1000 - age, Date.now() / 1000 - age);
  ageSeconds(8);
  const waiting = new AbortController();
  const onWait = () => waiting.abort(new Error('it waits'));
  await expect(
    withLock(directory, { onWait, signal: waiting.signal, staleMs: undefined }, async () => {}),
  ).rejects.toThrow();
  expect(waiting.signal.aborted).toBe(true);
  ageSeconds(11);
  expect(await withLock(directory, {}, async () => 'taken over')).toBe('taken over');
});
