// Provisions the clone in ROOT in a process of its own, with a stand-in for Python and one for the compiler, so that a test
// can kill it. Writes a line of JSON for each line of the log and for the result.
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { provision } from './provision.mjs';

export const FAKE_PYTHON = [process.execPath, fileURLToPath(new URL('pip.fixture.mjs', import.meta.url))];

/** A machine on which no digest is known yet, so that a wheel made by the test is taken. */
export const FAKE_HOST = { platform: /** @type {const} */ ('linux'), arch: 'arm64', glibc: '2.36' };

export const FAKE_TOOLS = {
  checkTools: async () => {},
  makeAddon: async (target) => {
    await mkdir(target);
    await writeFile(join(target, 'tfjs_binding.node'), 'good');
  },
  runInstallScript: async () => {
    throw new Error('the install script must not be reached');
  },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
  const result = await provision({
    root: process.env.ROOT,
    host: FAKE_HOST,
    python: FAKE_PYTHON,
    tools: FAKE_TOOLS,
    staleMs: 2_000,
    log: (line) => tell({ line }),
  });
  tell({ result });
}
