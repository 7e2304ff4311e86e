import { mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from './temporary-directory.fixture.ts';
import { withDownloadLock } from './download-lock.ts';

/** A promise, and the function that settles it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

test('the second waits until the first is done, even if that failed', async () => {
  const directory = await temporaryDirectory();
  const [entered, finish] = [gate(), gate()];
  const order: string[] = [];
  const first = withDownloadLock(directory, { delay: () => Promise.resolve() }, async () => {
    entered.open();
    await finish.opened;
    order.push('first');
    throw new Error('no');
  });
  await entered.opened;
  const options = {
    // The second one's poll is what lets the first one finish.
    delay: () => (finish.open(), first.catch(() => {})),
    onWait: () => void order.push('waits'),
  };
  await withDownloadLock(directory, options, () => Promise.resolve(order.push('second')));
  await expect(first).rejects.toThrow('no');
  expect(order).toEqual(['waits', 'first', 'second']);
});

test('the lock of a process that died is passed over', async () => {
  const directory = await temporaryDirectory();
  await mkdir(join(directory, 'lock'));
  const aMinuteAgo = new Date(Date.now() - 60_000);
  await utimes(join(directory, 'lock'), aMinuteAgo, aMinuteAgo);
  const delay = () => Promise.reject(new Error('waited'));
  expect(await withDownloadLock(directory, { delay }, async () => 'done')).toBe('done');
});

test('waiting ends with the signal', async () => {
  const directory = await temporaryDirectory();
  const stop = new AbortController();
  await withDownloadLock(directory, { delay: () => Promise.resolve() }, async () => {
    const delay = async () => stop.abort(new Error('enough'));
    await expect(withDownloadLock(directory, { delay, signal: stop.signal }, async () => 'done')).rejects.toThrow(
      'enough',
    );
  });
});
