import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeClone, temporaryDirectory, write } from './clone.fixture.mjs';
import { findInstallation, install, isInstalled, isProven, selfTest } from './installation.mjs';

async function installed(addonContent) {
  const [library, addon] = [temporaryDirectory(), temporaryDirectory()];
  write(join(library, 'lib/libtensorflow.so'), 'library');
  write(join(library, 'include/c_api.h'), '');
  write(join(addon, 'tfjs_binding.node'), addonContent);
  const installation = await findInstallation(makeClone());
  await install(installation, { library, addon });
  return { installation, library, addon };
}

test('what passes its self-test is proven until the addon or the library changes', async () => {
  const { installation, library, addon } = await installed('good');
  expect(await isInstalled(installation)).toBe(true);
  expect(await isProven(installation)).toBe(false);
  expect(await selfTest(installation, { env: process.env })).toEqual({ ok: true });
  expect(await isProven(installation)).toBe(true);

  writeFileSync(join(library, 'lib/libtensorflow.so'), 'a longer library');
  expect(await isProven(installation)).toBe(false);
  await selfTest(installation, { env: process.env });
  expect(await isProven(installation)).toBe(true);

  writeFileSync(join(addon, 'tfjs_binding.node'), 'bad!');
  await install(installation, { library, addon });
  expect(await isProven(installation)).toBe(false);
});

test('an emptied cache leaves neither a proof nor something to test', async () => {
  const { installation, library } = await installed('good');
  await selfTest(installation, { env: process.env });
  rmSync(library, { recursive: true });
  expect(await isProven(installation)).toBe(false);
  expect(await isInstalled(installation)).toBe(false);
});

test('an addon that computes wrongly fails its self-test and says with what', async () => {
  const { installation } = await installed('bad');
  expect(await selfTest(installation, { env: process.env })).toEqual({
    ok: false,
    why: 'Error: [[1,2],[3,4]]² came out as [0,0,0,0]',
  });
  expect(await isProven(installation)).toBe(false);
});

test('says what to do when the package is missing', async () => {
  const root = temporaryDirectory();
  write(join(root, 'package.json'), '{}');
  await expect(findInstallation(root)).rejects.toThrow('@tensorflow/tfjs-node is not installed: npm ci');
});
