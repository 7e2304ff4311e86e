import { expect, it } from 'vitest';
import { treeUsage, usageOf } from './tree-usage.ts';

it('reads faults and processor time behind a name with spaces and brackets', () => {
  const stat = '77 (node (a) b) S 1 77 77 0 -1 4194560 1200 9 34 5 250 50 7 8 20 0 11 0 4242 1 2 3';
  expect(usageOf(stat)).toEqual({ cpuMs: 3000, pageFaults: 1234 });
});

it('counts this process as no worker, where there is a /proc', () => {
  const usage = treeUsage(process.pid);
  expect(usage === null).toBe(process.platform !== 'linux');
  expect(usage?.workers.pageFaults ?? 0).toBe(0);
  expect(usage?.server.cpuMs ?? 1).toBeGreaterThan(0);
});
