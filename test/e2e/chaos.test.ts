import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { convoy, temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

describe('convoy chaos', () => {
  it('comes to the undisturbed parameters after a fault of each kind, and says what it did', async () => {
    const run = [
      '--dataset',
      'synthetic',
      '--synthetic-size',
      '400',
      '--steps',
      '60',
      '--batch-size',
      '16',
      '--micro-batch',
      '4',
    ];
    const cluster = ['--workers', '3', '--checkpoint-every', '5', '--run-dir', join(folder.path, 'chaos')];
    // The first six faults are one of each kind, within three seconds or as soon as they can be.
    const faults = ['--chaos-seed', '315', '--kill-every', '500ms', '--max-faults', '6'];
    const { code, stdout, stderr } = await convoy(['chaos', ...run, ...cluster, ...faults, '--json']);

    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(report).toMatchObject({
      equal: true,
      differences: [],
      parametersSha256: report['undisturbedSha256'],
      faults: { kill: 1, freeze: 1, leave: 1, join: 1, server: 1, corrupt: 1 },
      serverRestarts: 2,
      checkpointsDamaged: 1,
      ledger: { steps: 60, stepsLost: 0 },
    });
    expect(stderr).toMatch(/^\d+\.\d s: SIGKILL worker \d+ \(pid \d+\)/m);
    expect(stderr).toMatch(
      /^\d+\.\d s: SIGKILL the coordinator \(pid \d+\) and flipped bit \d+ of step-\d+\/parameters\.bin/m,
    );
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
