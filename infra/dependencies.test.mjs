import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ensureDependencies, isInstalled } from './dependencies.mjs';
import { temporaryDirectory, write } from './tensorflow/clone.fixture.mjs';

const LOCK = {
  packages: {
    '': { version: '0.1.0' },
    'packages/protocol': { version: '0.1.0' },
    'node_modules/@convoy/protocol': { link: true },
    'node_modules/ws': { version: '8.0.0', integrity: 'sha512-ws' },
    'node_modules/for-another-platform': { version: '1.0.0', integrity: 'sha512-other', optional: true },
  },
};
const INSTALLED = {
  packages: {
    'node_modules/@convoy/protocol': { link: true },
    'node_modules/ws': { version: '8.0.0', integrity: 'sha512-ws' },
  },
};

/** A clone and a stand-in for npm that installs what the lock file says and counts its calls. */
function makeClone(lock = LOCK) {
  const root = temporaryDirectory();
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
  const calls = join(root, 'npm-calls');
  const npm = join(root, 'npm.mjs');
  writeFileSync(
    npm,
    `import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
     appendFileSync(${JSON.stringify(calls)}, process.argv.slice(2).join(' ') + '\\n');
     mkdirSync('node_modules', { recursive: true });
     writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(JSON.stringify(INSTALLED))});`,
  );
  const lines = [];
  return {
    root,
    lines,
    calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []),
    ensure: () => ensureDependencies(root, { log: (line) => lines.push(line), npm: [process.execPath, npm] }),
  };
}

test('a fresh clone is installed once', async () => {
  const clone = makeClone();
  expect(await clone.ensure()).toBe('installed');
  expect(await clone.ensure()).toBe('already installed');
  expect(clone.calls()).toEqual(['ci --no-audit --no-fund --loglevel=error']);
  expect(clone.lines).toEqual(['installing the dependencies (npm ci)']);
});

test("a developer's own npm install is left alone", async () => {
  const clone = makeClone();
  write(join(clone.root, 'node_modules/.package-lock.json'), JSON.stringify(INSTALLED));
  expect(await clone.ensure()).toBe('already installed');
  expect(clone.calls()).toEqual([]);
});

test('a lock file that has changed since is installed again', async () => {
  const clone = makeClone();
  await clone.ensure();
  const changed = structuredClone(LOCK);
  changed.packages['node_modules/ws'].version = '8.0.1';
  writeFileSync(join(clone.root, 'package-lock.json'), JSON.stringify(changed));
  expect(await clone.ensure()).toBe('installed');
});

test('two commands at once install once, and the second says that it waits', async () => {
  const clone = makeClone();
  expect((await Promise.all([clone.ensure(), clone.ensure()])).sort()).toEqual(['already installed', 'installed']);
  expect(clone.calls()).toHaveLength(1);
  expect(clone.lines).toContain('another Convoy command is installing the dependencies: waiting for it');
});

test('the lock of a killed command is taken over', async () => {
  const clone = makeClone();
  write(join(clone.root, '.cache/setup.lock'), '4194305');
  expect(await clone.ensure()).toBe('installed');
});

test('a failure of npm is one line', async () => {
  const { root } = makeClone();
  const npm = [process.execPath, '--eval', 'process.exit(7)', '--'];
  await expect(ensureDependencies(root, { log: () => {}, npm })).rejects.toThrow(
    /^npm ci failed \(exit 7\): .*start again$/,
  );
});

test('what the lock file asks for and is missing, older or other than locked is not installed', () => {
  expect(isInstalled(LOCK, INSTALLED)).toBe(true);
  expect(isInstalled(LOCK, { packages: {} })).toBe(false);
  const other = structuredClone(INSTALLED);
  other.packages['node_modules/ws'].integrity = 'sha512-other';
  expect(isInstalled(LOCK, other)).toBe(false);
});
