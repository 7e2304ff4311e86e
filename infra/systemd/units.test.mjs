import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const UNITS = ['convoy-coordinator@.service', 'convoy-worker@.service'].map((name) =>
  fileURLToPath(new URL(name, import.meta.url)),
);
/** Of 100: systemd calls a service below it safe enough. What remains is the network, which they need, and JavaScript's compiler. */
const EXPOSURE = '25';

const analyze = (...args) => spawnSync('systemd-analyze', args, { encoding: 'utf8' });
const lacks = analyze('--version').error !== undefined;

it.each(UNITS)('systemd finds no fault in %s, and little that it is exposed to', (unit) => {
  if (lacks) return console.info('NOT CHECKED: the units of systemd: there is no systemd-analyze: install systemd');
  const { status, stderr } = analyze('verify', '--man=no', unit);
  expect([status, stderr]).toEqual([0, '']);
  const security = analyze('security', '--offline=true', `--threshold=${EXPOSURE}`, unit);
  expect(security.status, security.stdout + security.stderr).toBe(0);
});
