import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { TraceFile } from '@convoy/server/trace/trace-file';
import { convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const TRAINING = ['train', '--deterministic', '--seed', '7', '--steps', '9', '--json', ...SHAPES];

it('chosen steps of two workers are written as a trace on one clock, and the result is the same', async () => {
  const [plain, traced] = [join(folder.path, 'plain'), join(folder.path, 'traced')];
  const without = summaryOf(await convoy([...TRAINING, '--workers', '2', '--run-dir', plain]));
  const run = await convoy([
    ...TRAINING,
    '--workers',
    '2',
    '--run-dir',
    traced,
    '--min-workers',
    '2',
    '--trace',
    '3-5',
  ]);
  expect(summaryOf(run).parametersSha256).toBe(without.parametersSha256);
  expect(run.stderr).toContain(`trace: ${join(traced, 'trace.json')}`);

  const { traceEvents, otherData } = JSON.parse(readFileSync(join(traced, 'trace.json'), 'utf8')) as TraceFile;
  expect(otherData).toMatchObject({ steps: '3-5', spansLeftOut: 0 });
  // As the format has them: complete events with times, and names of processes and threads.
  for (const event of traceEvents) {
    expect([event.pid, event.tid].every(Number.isInteger)).toBe(true);
    if (event.ph === 'M') expect(['process_name', 'process_sort_index', 'thread_name']).toContain(event.name);
    else expect([event.ph, event.ts >= 0, event.dur >= 0]).toEqual(['X', true, true]);
  }
  const spans = traceEvents.flatMap((event) => (event.ph === 'X' ? [event] : []));
  const steps = spans.filter(({ cat, name }) => cat === 'server' && name.startsWith('step '));
  expect(steps.map(({ name }) => name)).toEqual(['step 3', 'step 4', 'step 5']);
  const leases = spans.filter(({ cat, name }) => cat === 'worker' && name.startsWith('step '));
  for (const { name, ts, dur, pid } of leases) {
    const step = steps.find((each) => name.startsWith(`${each.name},`))!;
    expect([ts >= step.ts, ts + dur <= step.ts + step.dur]).toEqual([true, true]);
    if (name.endsWith('(no result in the step)')) continue;
    const inside = spans.filter(
      (each) => each.pid === pid && !leases.includes(each) && each.ts >= ts && each.ts + each.dur <= ts + dur + 1,
    );
    expect(inside.map((each) => each.name)).toEqual(expect.arrayContaining(['receive', 'compute', 'encode', 'send']));
  }
  expect(spans.filter(({ name }) => name === 'norm')).toHaveLength(3);
  expect(spans.filter(({ name }) => name === 'decode').length).toBeGreaterThan(0);
  // Both are processes of this machine, whose clock shows the time since it was started.
  expect(otherData.clocks.length).toBeGreaterThan(0);
  const ahead = Number(process.hrtime.bigint()) / 1e6 - (performance.timeOrigin + performance.now());
  for (const { offsetMs, uncertaintyMs, roundTrips } of otherData.clocks) {
    expect(roundTrips).toBeGreaterThan(0);
    // The processes read the time of day at their start, which may have been set since: within a second.
    expect(Math.abs(offsetMs! - ahead)).toBeLessThan(uncertaintyMs! + 1_000);
  }
});
