import { existsSync, readdirSync, readFileSync, readlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeWheel, temporaryDirectory, wheelFiles } from './clone.fixture.mjs';
import { isWholeLibrary, libraryDirectory, makeLibrary, unpackWheel } from './library.mjs';
import { CONTENTS } from './release.mjs';
import { zip } from './zip.fixture.mjs';

// No strip on this PATH: the library made here is no ELF file.
const options = { progress: () => {}, env: { PATH: '' } };

async function makeFrom(wheel) {
  const cache = temporaryDirectory();
  const target = libraryDirectory(cache, 'linux', 'x64');
  await makeLibrary(target, async () => ({ file: wheel, sha256: 'abc', verified: false }), options);
  return { cache, target };
}

test('takes exactly the libraries and headers out of a wheel, and links the names that the addon is built with', async () => {
  const { cache, target } = await makeFrom(makeWheel('tensorflow.whl'));
  for (const [name, path] of CONTENTS) expect(readFileSync(join(target, path), 'utf8')).toBe(`content of ${name}`);
  expect(readdirSync(target).sort()).toEqual(['about.json', 'include', 'lib']);
  expect(readlinkSync(join(target, 'lib/libtensorflow.so'))).toBe('libtensorflow_cc.so.2');
  expect(readlinkSync(join(target, 'lib/libtensorflow_framework.so'))).toBe('libtensorflow_framework.so.2');
  expect(readdirSync(cache)).toEqual(['tensorflow-2.21.0-linux-x64']);
  expect(await isWholeLibrary(target)).toBe(true);
});

test('a library with a truncated file is not whole and is made again', async () => {
  const { target } = await makeFrom(makeWheel('tensorflow.whl'));
  truncateSync(join(target, 'lib/libtensorflow_cc.so.2'), 3);
  expect(await isWholeLibrary(target)).toBe(false);
  await makeLibrary(target, async () => ({ file: makeWheel('again.whl'), sha256: 'abc', verified: false }), options);
  expect(await isWholeLibrary(target)).toBe(true);
});

test('names every file that a wheel lacks', async () => {
  const wheel = makeWheel('tensorflow-lite.whl', {
    'tensorflow/libtensorflow_cc.so.2': undefined,
    'tensorflow/include/xla/tsl/c/tsl_status.h': undefined,
  });
  await expect(unpackWheel(wheel, temporaryDirectory())).rejects.toThrow(
    'tensorflow-lite.whl lacks tensorflow/libtensorflow_cc.so.2, tensorflow/include/xla/tsl/c/tsl_status.h: ' +
      'give one of TensorFlow 2.21.0 for Linux',
  );
});

test('says of a file that is no archive, or of one cut short, to download it again', async () => {
  const file = join(temporaryDirectory(), 'tensorflow.whl');
  const whole = zip(wheelFiles());
  for (const content of [Buffer.from('<html>403</html>'), whole.subarray(0, whole.length / 2)]) {
    writeFileSync(file, content);
    await expect(unpackWheel(file, temporaryDirectory())).rejects.toThrow(/^tensorflow\.whl .*: download it again$/);
  }
});

test('leaves nothing behind when the wheel cannot be had', async () => {
  const cache = temporaryDirectory();
  const target = libraryDirectory(cache, 'linux', 'x64');
  const refuse = async (directory) => {
    writeFileSync(join(directory, 'half.whl'), 'half');
    throw new Error('connection lost');
  };
  await expect(makeLibrary(target, refuse, options)).rejects.toThrow('connection lost');
  expect(existsSync(target)).toBe(false);
  expect(readdirSync(cache)).toEqual([]);
});
