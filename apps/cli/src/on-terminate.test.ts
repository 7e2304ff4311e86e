import { afterEach, expect, it } from 'vitest';
import { ONE_ORDER_MS, onTerminate } from './on-terminate.ts';

afterEach(() => {
  process.removeAllListeners('SIGTERM');
});

it('takes a SIGTERM that arrives again at once, by way of the launcher, for the same order, and a later one for another', () => {
  let ms = 0;
  const heard: number[] = [];
  onTerminate(
    () => heard.push(ms),
    () => ms,
  );
  for (ms of [0, 1, ONE_ORDER_MS - 1, ONE_ORDER_MS, ONE_ORDER_MS + 5, 10 * ONE_ORDER_MS]) process.emit('SIGTERM');
  expect(heard).toEqual([0, ONE_ORDER_MS, 10 * ONE_ORDER_MS]);
});
