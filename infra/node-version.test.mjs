import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeVersionFault } from './node-version.mjs';
import { temporaryDirectory } from './tensorflow/clone.fixture.mjs';

test.each([
  ['20.19.0', true],
  ['20.20.2', true],
  ['24.0.0', true],
  ['20.18.9', false],
  ['18.99.0', false],
])('Node %s is new enough for >=20.19.0: %s', (version, enough) => {
  const root = temporaryDirectory();
  writeFileSync(join(root, 'package.json'), JSON.stringify({ engines: { node: '>=20.19.0' } }));
  expect(nodeVersionFault(root, version)).toBe(
    enough ? undefined : `Convoy needs Node 20.19.0 or newer and this is ${version}: nvm install 20, or see nodejs.org`,
  );
});
