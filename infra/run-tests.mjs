// node infra/run-tests.mjs [--projects a,b]
//
// Runs the tests of all projects, or of those named, and prints "N passed, N failed" as its last line. Nx brings back the
// reports of projects that have not changed since they passed, so the sum is always over all of them.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { testedProjects } from './projects.mjs';
import { sumReports } from './test-report.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const reports = join(root, 'reports');
const { values } = parseArgs({ options: { projects: { type: 'string' } } });

const all = testedProjects(root);
const projects = values.projects ? values.projects.split(',') : all;
const unknown = projects.filter((project) => !all.includes(project));
if (unknown.length > 0) {
  console.error(`--projects names ${unknown.join(', ')}, which has no tests: choose from ${all.join(', ')}`);
  process.exit(2);
}

mkdirSync(reports, { recursive: true });
for (const project of projects) rmSync(join(reports, `${project}.json`), { force: true });

const { code, killedBy } = await runNx([
  'run-many',
  '--target=test',
  `--projects=${projects.join(',')}`,
  // The end-to-end tests take half of the time, and much of that they wait for processes: another project goes on beside them.
  '--parallel=2',
  '--output-style=stream',
]);

const { passed, failed, faults } = sumReports(reports, projects);
if (code !== 0 && failed === 0) faults.push(`nx failed (${killedBy ?? `exit ${code}`}) although no test did`);
const allFailed = Math.max(failed, code === 0 ? 0 : 1);
for (const fault of faults) console.error(fault);
console.log(`${passed} passed, ${allFailed} failed`);
process.exitCode = allFailed > 0 ? 1 : 0;

function runNx(args) {
  const manifest = createRequire(join(root, 'package.json')).resolve('nx/package.json');
  const nx = join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.nx);
  const env = { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' };
  const child = spawn(process.execPath, [nx, ...args], { cwd: root, env, stdio: 'inherit' });
  // The terminal interrupts the whole group: wait for the tests to end and still print the sum.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve({ code: exitCode ?? 1, killedBy: signal }));
  });
}
