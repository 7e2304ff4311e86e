import { describe, expect, it } from 'vitest';
import { entry, evaluated, joined, step, summary } from './events.fixture.ts';
import { makeReport, reportLine, reportTable, verdictOf, type ReportInput } from './report.ts';

const events = [joined(0), step(1), step(2), step(3), step(4), evaluated(5_000, 4)];
const INPUT: ReportInput = {
  disturbed: { events: events.map((event) => ({ ...event, at: 2 * event.at })), summary: summary({ workers: 3 }) },
  undisturbed: { events, summary: summary() },
  journal: [
    entry(1_400, { victims: [0, 2] }),
    entry(2_500, { kind: 'freeze' }),
    entry(3_000, { kind: 'corrupt', victims: [] }),
  ],
  counts: { joined: 1, serverRestarts: 2, serverFreezes: 0, passedOver: 1 },
  violations: [],
  seed: 42,
  chaosSeed: 1,
  folder: 'runs/chaos',
};

describe('makeReport', () => {
  it('finds a run equal whose result and steps are the undisturbed ones, whatever the cluster was', () => {
    expect(makeReport(INPUT)).toMatchObject({
      equal: true,
      differences: [],
      faults: { kill: 1, freeze: 1, leave: 0, join: 0, server: 0, corrupt: 1 },
      workers: { killed: 2, frozen: 1, left: 0, joined: 1 },
      serverRestarts: 2,
      checkpointsDamaged: 1,
      ledger: { steps: 4, stepsLost: 0, samplesApplied: 128 },
      seconds: 10,
      undisturbedSeconds: 5,
      relativeThroughput: 0.5,
    });
  });

  it('finds other parameters, and what was seen to be broken on the way', () => {
    const disturbed = { ...INPUT.disturbed, summary: summary({ parametersSha256: 'b'.repeat(64), testLoss: 1.25 }) };
    const report = makeReport({ ...INPUT, disturbed, violations: ['worker 2 ended with exit code 1, not 0'] });
    expect(report.equal).toBe(false);
    expect(report.differences).toEqual([
      `parametersSha256 ${'b'.repeat(64)}, undisturbed ${'a'.repeat(64)}`,
      'testLoss 1.25, undisturbed 1.5',
      'worker 2 ended with exit code 1, not 0',
    ]);
  });

  it('ends with ✔ only where a fault was injected', () => {
    expect(verdictOf(makeReport(INPUT)).line).toMatch(/^✔/);
    const idle = verdictOf(makeReport({ ...INPUT, journal: [] }));
    expect(idle).toMatchObject({ isEqual: true, isTested: false });
    expect(idle.line).toMatch(/^no fault was injected/);
    const other = makeReport({ ...INPUT, journal: [], violations: ['a step is missing'] });
    expect(verdictOf(other).line).toBe('✘ not what the undisturbed run gives: --seed 42 --chaos-seed 1');
  });

  it("compares a regression's errors", () => {
    const errors = { testAccuracy: null, testMeanAbsoluteError: 0.25, validationMeanAbsoluteError: 0.5 };
    const [mine, other] = [summary(errors), summary({ ...errors, testMeanAbsoluteError: 0.125 })];
    const undisturbed = { ...INPUT.undisturbed, summary: mine };
    const report = makeReport({ ...INPUT, undisturbed, disturbed: { ...INPUT.disturbed, summary: other } });
    expect(report).toMatchObject({ ...errors, validationAccuracy: null });
    expect(report.differences).toEqual(['testMeanAbsoluteError 0.125, undisturbed 0.25']);
  });

  it('does not miss the test of a run that was stopped when its time was over', () => {
    const interrupted = summary({ outcome: 'interrupted', testLoss: null, testAccuracy: null });
    expect(makeReport({ ...INPUT, disturbed: { ...INPUT.disturbed, summary: interrupted } }).equal).toBe(true);
  });
});

describe('reportTable', () => {
  it('has a line for each figure', () => {
    expect(reportTable(makeReport(INPUT))).toMatchInlineSnapshot(`
      "  faults                  1 kill, 1 freeze, 0 leave, 0 join, 0 server, 1 corrupt
        workers                 2 killed, 1 frozen, 0 left, 1 joined
        coordinator             2 restarts, 0 freezes
        checkpoints damaged     1
        faults passed over      1
        steps                   4, 0 done again, 0 lost
        samples applied         128 of 128
        results discarded       0; 0 blocks leased a second time
        after a worker's death  median 0.6 s, max 0.6 s over 1 of 1; 0 above 3.0 s
        coordinator's memory    no process lived long enough
        workers' memory         no process lived long enough
        time                    10 s; undisturbed in one process 5 s
        throughput              50 % of the undisturbed run's
        parameters              aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        undisturbed             aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    `);
  });

  it('shows the first differences and says how many more there are', () => {
    const violations = Array.from({ length: 10 }, (_, index) => `difference ${index}`);
    const lines = reportTable(makeReport({ ...INPUT, violations })).split('\n');
    expect(JSON.parse(reportLine(makeReport({ ...INPUT, violations })))).toMatchObject({
      differenceCount: 10,
      differences: violations.slice(0, 8),
    });
    expect(lines.slice(-2)).toEqual(['  ✘ difference 7', '  … and 2 more in runs/chaos/report.json']);
  });
});
