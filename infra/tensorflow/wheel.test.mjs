import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeWheel, temporaryDirectory, write } from './clone.fixture.mjs';
import { RELEASES } from './release.mjs';
import { downloadWheel, givenWheel } from './wheel.mjs';

const release = RELEASES['linux-x64'];

test('refuses a wheel with the known name and another digest, naming both', async () => {
  const file = makeWheel(release.wheel);
  const found = createHash('sha256').update(readFileSync(file)).digest('hex');
  await expect(givenWheel(file, release)).rejects.toThrow(
    `${release.wheel} is not the file it should be: expected sha256 ${release.sha256}, found ${found}: download it again`,
  );
});

test('takes a given wheel for another Python and says that its digest is not known', async () => {
  const file = makeWheel('tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl');
  expect(await givenWheel(file, release)).toMatchObject({ file, verified: false });
});

test('says which variable names no file', async () => {
  await expect(givenWheel('nowhere.whl', release)).rejects.toThrow(
    'CONVOY_TENSORFLOW_WHEEL names nowhere.whl, which is not a file',
  );
});

/** Stands in for `python3`: a program with the given body. */
function python(body) {
  const file = join(temporaryDirectory(), 'python.mjs');
  write(file, `import { writeFileSync } from 'node:fs'; import { join } from 'node:path';\n${body}`);
  return [process.execPath, file];
}

const download = (command, extra = {}) =>
  downloadWheel(release, {
    directory: temporaryDirectory(),
    python: command,
    env: process.env,
    progress: () => {},
    ...extra,
  });

test("passes on pip's own reason and the ways out", async () => {
  const failing = python(`console.error('WARNING: Retrying'); console.error('ERROR: No matching distribution found');
    console.error('[notice] pip can be updated'); process.exit(1);`);
  await expect(download(failing)).rejects.toThrow(
    'pip could not download tensorflow-cpu==2.21.0 (ERROR: No matching distribution found): check the network and ' +
      `pip's configuration, or set CONVOY_TENSORFLOW_WHEEL=/path/to/${release.wheel}`,
  );
});

test('refuses what pip brings when its digest is not the known one, whatever its name', async () => {
  const wrong = python(`const args = process.argv;
    writeFileSync(join(args[args.indexOf('-d') + 1], 'other.whl'), 'not TensorFlow');`);
  await expect(download(wrong)).rejects.toThrow(
    `other.whl is not the file it should be: expected sha256 ${release.sha256}`,
  );
});

test('asks for the one wheel whose digest is known and leaves the rest to the configuration of pip', async () => {
  const file = join(temporaryDirectory(), 'arguments.json');
  const recording = python(
    `writeFileSync(${JSON.stringify(file)}, JSON.stringify(process.argv.slice(2))); process.exit(1);`,
  );
  await expect(download(recording)).rejects.toThrow(/pip could not download/);
  const args = JSON.parse(readFileSync(file, 'utf8'));
  expect(args.filter((arg) => !arg.startsWith('/'))).toEqual([
    ...['-m', 'pip', 'download', '-q', '--no-deps', '--only-binary=:all:', '--retries', '1', '-d'],
    ...['--platform', 'manylinux_2_27_x86_64', '--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311'],
    'tensorflow-cpu==2.21.0',
  ]);
});
