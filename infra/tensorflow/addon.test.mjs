import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addonDirectory, isWholeAddon, makeAddon } from './addon.mjs';
import { makeClone, temporaryDirectory, write } from './clone.fixture.mjs';

async function build(nodeGypBody) {
  const cache = temporaryDirectory();
  const nodeGyp = join(temporaryDirectory(), 'node-gyp.mjs');
  write(nodeGyp, `import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';\n${nodeGypBody}`);
  const tfjs = join(makeClone(), 'node_modules/@tensorflow/tfjs-node');
  const target = addonDirectory(cache, 'linux', 'x64', '4.22.0');
  const library = temporaryDirectory();
  write(join(library, 'lib/libtensorflow.so'), '');
  write(join(library, 'include/tensorflow/c/c_api.h'), '');
  const made = makeAddon(target, { tfjs, library, env: { ...process.env, npm_config_node_gyp: nodeGyp } });
  return { cache, tfjs, target, made };
}

test('builds in a copy of the sources beside the library, and keeps only the addon', async () => {
  const { cache, tfjs, target, made } = await build(`
    for (const path of ['binding.gyp', 'binding/tfjs_binding.cc', 'deps/lib/libtensorflow.so', 'deps/include/tensorflow/c/c_api.h'])
      if (!existsSync(path)) throw new Error(path);
    mkdirSync('lib/napi-v8', { recursive: true });
    writeFileSync('lib/napi-v8/tfjs_binding.node', process.argv.slice(2).join(' '));`);
  await made;
  expect(await isWholeAddon(target)).toBe(true);
  expect(readdirSync(target)).toEqual(['tfjs_binding.node']);
  expect(readdirSync(cache)).toEqual(['addon-4.22.0-tensorflow-2.21.0-linux-x64']);
  expect(readdirSync(tfjs)).not.toContain('build');
  expect(readFileSync(join(target, 'tfjs_binding.node'), 'utf8')).toMatch(/^rebuild .*--napi_build_version=8/);
});

test("says the compiler's first error and where the rest is", async () => {
  const { cache, target, made } = await build(`
    console.error("c_api.h:7: fatal error: tf_status.h: No such file"); console.error('gyp ERR! not ok'); process.exit(1);`);
  const log = join(cache, 'addon-build.log');
  await expect(made).rejects.toThrow(
    `the TensorFlow addon did not compile (fatal error: tf_status.h: No such file): its whole output is in ${log}`,
  );
  expect(readFileSync(log, 'utf8')).toContain('gyp ERR! not ok');
  expect(await isWholeAddon(target)).toBe(false);
});
