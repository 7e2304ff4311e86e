import { expect, it } from 'vitest';
import { busyMs } from './machine-time.ts';

it('counts what the machine did, idle and waiting for disks left out, and guests not twice', () => {
  expect(busyMs('cpu  100 20 30 5000 400 1 2 3 50 7\ncpu0 1 1 1 1 1 1 1 1 0 0\n')).toBe(1560);
});
