import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PROGRAM_ANYWHERE } from '../program-name.mjs';
import { packageManifest } from './manifest.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readJson = (...path) => JSON.parse(readFileSync(join(root, ...path), 'utf8'));
const { version } = readJson('package.json');

test('there is one version: of every workspace, of what they ask of each other, of the program and of the changelog', () => {
  const folders = ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(group, name)),
  );
  for (const folder of [...folders, 'infra', 'test', 'examples']) {
    const manifest = readJson(folder, 'package.json');
    expect([folder, manifest.version]).toEqual([folder, version]);
    const asked = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    for (const [name, wanted] of asked.filter(([name]) => /^@convoy\/|^tfjs-convoy$/.test(name))) {
      expect([folder, name, wanted]).toEqual([folder, name, version]);
    }
  }
  expect(readFileSync(join(root, 'packages/protocol/src/version.ts'), 'utf8')).toContain(`VERSION = '${version}'`);
  expect(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')).toContain(`## [${version}] - `);
});

test('npx finds the program by the name of the package in a clone as well', () => {
  expect(readJson('apps/cli/package.json').bin).toMatchObject({ [PROGRAM_ANYWHERE.at(-1)]: './bin/convoy.mjs' });
});

test('the package has exact versions, runs nothing when it is installed, and depends on no workspace nor on tfjs-node', () => {
  const manifest = packageManifest(root, ['@tensorflow/tfjs', 'ws']);
  expect(manifest).toMatchObject({ name: 'tfjs-convoy', version, bin: { convoy: 'bin/convoy.mjs' }, type: 'module' });
  expect(manifest).not.toHaveProperty('scripts');
  for (const [name, wanted] of Object.entries(manifest.dependencies)) {
    expect([name, wanted]).toEqual([
      expect.not.stringMatching(/^@convoy|tfjs-node/),
      expect.stringMatching(/^\d+\.\d+\.\d+$/),
    ]);
  }
  // ws takes it when it is there, and is slow without.
  expect(manifest.dependencies).toHaveProperty('bufferutil');
});

test('an import that no workspace asks for is named', () => {
  expect(() => packageManifest(root, ['ws', 'left-pad'])).toThrow(
    'no workspace depends on left-pad, which the package imports',
  );
});
