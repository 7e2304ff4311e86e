import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory, write } from './clone.fixture.mjs';
import { checkTools, findNodeGyp, findNodeHeaders } from './toolchain.mjs';

function directoryWith(...programs) {
  const directory = temporaryDirectory();
  for (const name of programs) {
    write(join(directory, name), '#!/bin/sh\nexit 0\n');
    chmodSync(join(directory, name), 0o755);
  }
  return directory;
}

const everything = { pip: true, compiler: true };
const answering = [process.execPath, '--eval', '', '--'];

test('names all that is missing at once, with the packages to install', async () => {
  await expect(checkTools({ env: { PATH: directoryWith() }, python: ['python3'], needs: everything })).rejects.toThrow(
    'TensorFlow needs python3, a C++ compiler, make: apt-get install python3 python3-pip g++ make',
  );
});

test('tells a Python without pip from no Python', async () => {
  const env = { PATH: directoryWith('g++', 'make') };
  const python = [process.execPath, '--eval', 'process.exit(1)', '--'];
  await expect(checkTools({ env, python, needs: everything })).rejects.toThrow(
    "TensorFlow needs Python's pip: apt-get install python3-pip",
  );
});

test('is content with python3, a C++ compiler of any name, and make', async () => {
  await checkTools({ env: { PATH: directoryWith('c++', 'make') }, python: answering, needs: everything });
  await checkTools({
    env: { PATH: directoryWith('my-cxx', 'make'), CXX: 'my-cxx -m64' },
    python: answering,
    needs: everything,
  });
});

test('finds the node-gyp of the npm that started it', async () => {
  const npm = temporaryDirectory();
  const path = join(npm, 'node_modules/node-gyp/bin/node-gyp.js');
  write(path, '');
  const env = { PATH: '', npm_execpath: join(npm, 'bin', 'npm-cli.js') };
  expect(await findNodeGyp(env)).toEqual([process.execPath, path]);
});

test("uses a Node's own headers only when they are those of the running Node", () => {
  const node = temporaryDirectory();
  const header = join(node, 'include/node/node_version.h');
  const major = process.versions.node.split('.')[0];
  write(header, `#define NODE_MAJOR_VERSION ${major}\n`);
  expect(findNodeHeaders({}, join(node, 'bin', 'node'))).toBe(node);
  write(header, '#define NODE_MAJOR_VERSION 4\n');
  expect(findNodeHeaders({}, join(node, 'bin', 'node'))).not.toBe(node);
  expect(findNodeHeaders({ npm_config_nodedir: '/somewhere' }, join(node, 'bin', 'node'))).toBe(undefined);
});
