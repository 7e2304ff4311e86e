import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory, write } from './tensorflow/clone.fixture.mjs';
import { sumReports } from './test-report.mjs';

function directoryWith(reports) {
  const directory = temporaryDirectory();
  for (const [project, report] of Object.entries(reports))
    write(join(directory, `${project}.json`), JSON.stringify(report));
  return directory;
}

const assertions = (passed, failed) => [
  ...Array.from({ length: passed }, () => ({ status: 'passed' })),
  ...Array.from({ length: failed }, () => ({ status: 'failed' })),
];
const report = (passed, failed, more = {}) => ({
  success: failed === 0,
  numPassedTests: passed,
  numFailedTests: failed,
  testResults: [
    { name: 'some.test.ts', status: failed ? 'failed' : 'passed', assertionResults: assertions(passed, failed) },
  ],
  ...more,
});

test('sums the passed and failed tests of all projects', () => {
  const directory = directoryWith({ protocol: report(30, 0), training: report(12, 2) });
  expect(sumReports(directory, ['protocol', 'training'])).toEqual({ passed: 42, failed: 2, faults: [] });
});

test('a test file that does not load counts as failed', () => {
  const broken = { name: 'broken.test.ts', status: 'failed', assertionResults: [] };
  const withBroken = report(3, 0, { success: false });
  withBroken.testResults.push(broken);
  expect(sumReports(directoryWith({ protocol: withBroken }), ['protocol'])).toEqual({
    passed: 3,
    failed: 1,
    faults: ['protocol: broken.test.ts failed outside its tests'],
  });
});

test('a project without a report, or with half of one, counts as failed', () => {
  const directory = directoryWith({ protocol: report(3, 0) });
  write(join(directory, 'worker.json'), '{"numPassedTests": 5, ');
  const sum = sumReports(directory, ['protocol', 'training', 'worker']);
  expect(sum).toMatchObject({ passed: 3, failed: 2 });
  expect(sum.faults[0]).toBe('training: no report: its tests did not run to their end');
});

test('a run that failed without a failed test counts as failed', () => {
  const directory = directoryWith({ protocol: report(3, 0, { success: false }) });
  expect(sumReports(directory, ['protocol'])).toMatchObject({ passed: 3, failed: 1 });
});
