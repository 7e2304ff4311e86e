import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundledProgram } from './bundle.mjs';
import { temporaryDirectory, write } from './tensorflow/clone.fixture.mjs';

const DAY_MS = 24 * 3600_000;

/** A clone with an application, a package and a dependency that only the package has. */
function makeClone() {
  const root = temporaryDirectory();
  const file = (path, content) => write(join(root, path), content);
  file('apps/cli/package.json', '{ "type": "module" }');
  file('apps/cli/src/main.ts', `import { said } from '@convoy/words/said'; console.log(said as string);`);
  file('packages/worker/src/compute/thread-main.ts', 'export {};');
  file('packages/tfjs-convoy/src/index.ts', 'export {};');
  for (const app of ['parameter-server', 'worker']) {
    file(`apps/${app}/package.json`, '{ "type": "module" }');
    file(`apps/${app}/src/main.ts`, 'export {};');
  }
  file('packages/dashboard/package.json', '{ "type": "module" }');
  file('packages/dashboard/page/index.html', '<link href="%STYLE%"><script src="%SCRIPT%"></script>');
  file('packages/dashboard/page/main.tsx', `import './page.css'; document.title = 'runs' as string;`);
  file('packages/dashboard/page/page.css', 'body { margin: 0 }');
  file('packages/dashboard/page/try-model-worker.ts', 'export {};');
  file('packages/words/package.json', '{ "type": "module", "exports": { "./*": "./src/*.ts" } }');
  file(
    'packages/words/src/said.ts',
    `import { createRequire } from 'node:module';
     import { where } from '../where.mjs';
     import own from 'own';
     const require = createRequire(import.meta.url);
     export const said: string = [where, own, require('own')].join(' ');`,
  );
  file('packages/words/where.mjs', `export const where = new URL('.', import.meta.url).href.split('/').at(-2);`);
  file('packages/words/node_modules/own/package.json', '{ "main": "own.js" }');
  file('packages/words/node_modules/own/own.js', `module.exports = 'own';`);
  mkdirSync(join(root, 'node_modules/@convoy'), { recursive: true });
  symlinkSync(join(root, 'packages/words'), join(root, 'node_modules/@convoy/words'), 'dir');
  const programs = join(root, '.cache/program');
  return {
    root,
    file,
    programs,
    bundles: () => (existsSync(programs) ? readdirSync(programs) : []),
    run: async () => execFileSync(process.execPath, [await bundledProgram(root)], { encoding: 'utf8' }).trim(),
  };
}

test('TypeScript is bundled; JavaScript and what a module requires are found from where its source is', async () => {
  const { run, bundles, programs } = makeClone();
  expect(await run()).toBe('words own own');
  expect(readdirSync(join(programs, bundles()[0]))).toEqual(expect.arrayContaining(['main.mjs', 'thread-entry.mjs']));
});

test('what was bundled once is started again, and a changed source is bundled at once', async () => {
  const { root, file, run, bundles } = makeClone();
  const first = await bundledProgram(root);
  expect(await bundledProgram(root)).toBe(first);
  file('apps/cli/src/main.ts', `import { said } from '@convoy/words/said'; console.log('changed', said);`);
  expect(await run()).toBe('changed words own own');
  file('packages/words/where.mjs', `export const where = 'elsewhere';`);
  expect(await run()).toBe('changed elsewhere own own');
  file('apps/cli/src/main.test.ts', 'is no part of the program');
  await bundledProgram(root);
  expect(bundles()).toHaveLength(2);
});

test('programs that start at once find the same bundle, and none is left half-written', async () => {
  const { root, bundles } = makeClone();
  const mains = await Promise.all(Array.from({ length: 4 }, () => bundledProgram(root)));
  expect(new Set(mains).size).toBe(1);
  expect(bundles()).toHaveLength(1);
});

test('sources with a mistake are not bundled, and the line says where it is', async () => {
  const { root, file, bundles } = makeClone();
  file('packages/words/src/said.ts', 'export const said = ;');
  await expect(bundledProgram(root)).rejects.toThrow(/said\.ts:1:20: ERROR: Unexpected ";"/);
  file('packages/words/src/said.ts', `import 'missing'; export const said = '';`);
  await expect(bundledProgram(root)).rejects.toThrow(/Could not resolve "missing"/);
  expect(bundles()).toEqual([]);
});

test('a bundle that nobody has started for a month is removed when the next one is made', async () => {
  const { root, file, programs, bundles } = makeClone();
  await bundledProgram(root);
  const [old] = bundles();
  const then = new Date(Date.now() - 31 * DAY_MS);
  utimesSync(join(programs, old), then, then);
  file('apps/cli/src/main.ts', 'console.log(1)');
  await bundledProgram(root);
  expect(bundles()).toHaveLength(1);
  expect(bundles()).not.toContain(old);
});
