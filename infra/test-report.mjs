import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Sums the projects' reports, in the format that Vitest shares with Jest. What could not even be run counts as failed.
 *
 * @param {string} directory where each project's report is `<project>.json`
 * @param {string[]} projects
 * @returns {{ passed: number, failed: number, faults: string[] }} `faults` has a line for each failure that is not a test
 */
export function sumReports(directory, projects) {
  const sum = { passed: 0, failed: 0, faults: /** @type {string[]} */ ([]) };
  for (const project of projects) {
    let report;
    try {
      report = JSON.parse(readFileSync(join(directory, `${project}.json`), 'utf8'));
    } catch {
      sum.failed += 1;
      sum.faults.push(`${project}: no report: its tests did not run to their end`);
      continue;
    }
    const { passed, failed, faults } = sumReport(report);
    sum.passed += passed;
    sum.failed += failed;
    sum.faults.push(...faults.map((fault) => `${project}: ${fault}`));
  }
  return sum;
}

function sumReport(report) {
  const faults = [];
  for (const suite of report.testResults) {
    // A file that does not load, or whose afterAll throws, has failed without a failed test.
    if (suite.status !== 'failed' || suite.assertionResults.some(({ status }) => status === 'failed')) continue;
    faults.push(`${suite.name} failed outside its tests`);
  }
  const failed = report.numFailedTests + faults.length;
  // Such as a rejection that nobody handled, or a project without any test file.
  if (!report.success && failed === 0) faults.push('failed outside its test files');
  return { passed: report.numPassedTests, failed: report.numFailedTests + faults.length, faults };
}
