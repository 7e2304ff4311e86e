import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Convoy, convoy, temporaryFolder } from '../support/convoy.ts';
import { Pace, WIDE } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const pace = new Pace(folder.path);

/** What is said of a fault of each kind. */
const FAULTS = [
  /^\d+\.\d s: SIGKILL worker \d+ \(pid \d+\)/,
  /^\d+\.\d s: SIGTERM worker \d+ \(pid \d+\)/,
  /^\d+\.\d s: SIGSTOP worker \d+ \(pid \d+\) for /,
  /^\d+\.\d s: worker \d+ \(pid \d+\) joins$/,
  /^\d+\.\d s: SIGKILL the coordinator \(pid \d+\)$/,
  /^\d+\.\d s: SIGKILL the coordinator \(pid \d+\) and flipped bit \d+ of step-\d+\/parameters\.bin/,
];

describe('convoy chaos', () => {
  it('comes to the undisturbed parameters after a fault of each kind, and says what it did', async () => {
    // Slow until each fault has come: on any machine the run lasts as long as that takes.
    pace.slow();
    const run = [...WIDE, '--steps', '300', '--batch-size', '16', '--micro-batch', '4'];
    const cluster = ['--workers', '3', '--checkpoint-every', '5', '--run-dir', join(folder.path, 'chaos')];
    // The first six faults are one of each kind, within three seconds or as soon as they can be.
    const faults = ['--chaos-seed', '315', '--kill-every', '500ms', '--max-faults', '6'];
    const chaos = new Convoy(['chaos', ...run, ...cluster, ...faults, '--json'], pace.env);
    await Promise.all(FAULTS.map((fault) => chaos.said(fault)));
    pace.full();

    const { code, stdout, stderr } = await chaos.finished;
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(report).toMatchObject({
      equal: true,
      differences: [],
      parametersSha256: report['undisturbedSha256'],
      faults: { kill: 1, freeze: 1, leave: 1, join: 1, server: 1, corrupt: 1 },
      serverRestarts: 2,
      checkpointsDamaged: 1,
      ledger: { steps: 300, stepsLost: 0 },
    });
  });

  it.each([
    [['--faults', 'kill,melt'], '"melt" is no fault. Name some of kill,freeze,leave,join,server,corrupt.'],
    [['--kill-every', '5'], 'It must be a time above 0 with its unit, like 500ms, 5s, 10m or 1h.'],
    [['--duration', '1m', '--steps', '5'], "'--duration <time>' cannot be used with option '--steps <n>'"],
    [['--resume', 'runs/x'], 'chaos begins a run of its own: leave --resume out'],
  ])('convoy chaos %j exits 2 with a line that says what to change', async (args, line) => {
    const { code, stderr } = await convoy(['chaos', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(line);
  });

  it('passes on what its coordinator says about a wrong option, with its code', async () => {
    const run = ['--run-dir', join(folder.path, 'wrong'), '--dataset', 'synthetic'];
    const { code, stderr } = await convoy(['chaos', ...run, '--batch-size', '250', '--micro-batch', '32']);
    expect(code, stderr).toBe(2);
    expect(stderr).toContain('--batch-size (250) must be a multiple of --micro-batch (32)');
    expect(stderr).not.toContain('did not come to its end');
  });

  it('has help with examples', async () => {
    const { code, stdout } = await convoy(['chaos', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples:\n {2}\$ convoy chaos /);
  });
});
