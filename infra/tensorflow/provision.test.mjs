import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeClone, makeWheel, temporaryDirectory } from './clone.fixture.mjs';
import { listenForPips } from './fake-pip-server.fixture.mjs';
import { Obstacle } from './obstacle.mjs';
import { FAKE_HOST, FAKE_PYTHON, FAKE_TOOLS } from './provision.fixture.mjs';
import { provision } from './provision.mjs';

const PROGRAM = fileURLToPath(new URL('provision.fixture.mjs', import.meta.url));
const WHEEL = 'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl';
const LIBRARY = 'tensorflow-2.21.0-linux-arm64';
const ADDON = 'addon-4.22.0-tensorflow-2.21.0-linux-arm64';

/** Without strip on its PATH: the libraries made here are no ELF files. */
const envFor = (cache, more) => ({ PATH: '', CONVOY_CACHE_DIR: cache, ...more });

/** A provisioning in a process of its own. */
function start(root, env) {
  const child = spawn(process.execPath, [PROGRAM], {
    env: { ...env, ROOT: root },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const seen = [];
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (text) => {
    seen.push(JSON.parse(text));
    for (const check of waiting) check();
  });
  const first = (pick) =>
    new Promise((resolve) => {
      const check = () => {
        const found = seen.map(pick).find(Boolean);
        if (found) resolve(found);
      };
      waiting.push(check);
      check();
    });
  return {
    child,
    line: (pattern) => first(({ line }) => pattern.test(line ?? '') && line),
    result: () => first(({ result }) => result),
  };
}

/** Options for a provisioning in this process, with its log. */
function inProcess(more) {
  const lines = [];
  const cacheDir = temporaryDirectory();
  const options = {
    root: makeClone(),
    cacheDir,
    env: envFor(cacheDir),
    host: FAKE_HOST,
    python: FAKE_PYTHON,
    tools: FAKE_TOOLS,
    log: (line) => lines.push(line),
    ...more,
  };
  return { lines, options };
}

const remains = (cache) => readdirSync(cache).sort();

describe('provisionings at once and killed ones', () => {
  test('two clones at once download once; the second says that it waits and takes the result from the cache', async () => {
    const cache = temporaryDirectory();
    const pips = await listenForPips(makeWheel(WHEEL));
    const first = start(makeClone(), envFor(cache, pips.env));
    const pip = await pips.next();
    const second = start(makeClone(), envFor(cache, pips.env));
    await second.line(/^another Convoy command is preparing TensorFlow: waiting for it$/);
    pip.finish();
    expect(await first.result()).toMatchObject({ engine: 'tensorflow', how: 'wheel' });
    expect(await second.result()).toMatchObject({ engine: 'tensorflow', how: 'cache' });
    expect(pips.count()).toBe(1);
    expect(remains(cache)).toEqual([ADDON, LIBRARY]);
  });

  test('two commands in one clone provision it once', async () => {
    const cache = temporaryDirectory();
    const root = makeClone();
    const pips = await listenForPips(makeWheel(WHEEL));
    const first = start(root, envFor(cache, pips.env));
    const pip = await pips.next();
    const second = start(root, envFor(cache, pips.env));
    await second.line(/waiting for it$/);
    pip.finish();
    expect(await first.result()).toMatchObject({ how: 'wheel' });
    expect(await second.result()).toMatchObject({ how: 'already working' });
    expect(pips.count()).toBe(1);
  });

  test('one killed in the middle of a download leaves a cache that the next one cleans and fills', async () => {
    const cache = temporaryDirectory();
    const root = makeClone();
    const pips = await listenForPips(makeWheel(WHEEL));
    const killed = start(root, envFor(cache, pips.env));
    const orphan = await pips.next();
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    orphan.end();
    expect(remains(cache)).toEqual([
      'provision.lock',
      expect.stringMatching(`^${LIBRARY}.partial-${killed.child.pid}-`),
    ]);

    const next = start(root, envFor(cache, pips.env));
    (await pips.next()).finish();
    expect(await next.result()).toMatchObject({ engine: 'tensorflow', how: 'wheel' });
    expect(remains(cache)).toEqual([ADDON, LIBRARY]);
  });

  test('one interrupted by a signal ends pip, rejects and leaves nothing', async () => {
    const pips = await listenForPips(makeWheel(WHEEL));
    const interruption = new AbortController();
    const { options } = inProcess({ signal: interruption.signal });
    const provisioning = provision({ ...options, env: { ...options.env, ...pips.env } });
    const pip = await pips.next();
    interruption.abort(new Error('SIGINT'));
    await expect(provisioning).rejects.toThrow('SIGINT');
    await pip.ended;
    expect(remains(options.cacheDir)).toEqual([]);
  });
});

describe('the order of the ways', () => {
  test('a given wheel, then nothing at all, then the cache for a new clone', async () => {
    const { lines, options } = inProcess();
    const env = { ...options.env, CONVOY_TENSORFLOW_WHEEL: makeWheel(WHEEL) };
    expect(await provision({ ...options, env })).toMatchObject({ how: 'wheel' });
    expect(lines).toContainEqual(expect.stringMatching(/nobody has checked its digest [0-9a-f]{64} yet$/));
    const must = { selfTest: () => expect.unreachable('a proven clone is tested again'), host: undefined };
    expect(await provision({ ...options, ...must })).toMatchObject({ how: 'already working' });
    const makeAddon = () => expect.unreachable('the addon in the cache is built again');
    const warm = { ...options, root: makeClone(), tools: { ...FAKE_TOOLS, makeAddon } };
    expect(await provision(warm)).toMatchObject({ how: 'cache' });
  });

  test('an addon in the cache that does not work on this machine is built again', async () => {
    const { lines, options } = inProcess();
    const env = { ...options.env, CONVOY_TENSORFLOW_WHEEL: makeWheel(WHEEL) };
    await provision({ ...options, env });
    const addon = join(options.cacheDir, ADDON, 'tfjs_binding.node');
    writeFileSync(addon, 'bad');
    const makeAddon = async () => writeFileSync(addon, 'good');
    const other = { ...options, root: makeClone(), tools: { ...FAKE_TOOLS, makeAddon } };
    expect(await provision(other)).toMatchObject({ engine: 'tensorflow', how: 'cache' });
    expect(lines).toContainEqual(expect.stringMatching(/^the addon in the cache does not work here/));
  });

  test('CONVOY_ENGINE=wasm asks for nothing else', async () => {
    const { options } = inProcess({ root: '/nowhere' });
    expect(await provision({ ...options, env: { CONVOY_ENGINE: 'wasm' } })).toEqual({
      engine: 'wasm',
      how: 'asked for',
      detail: 'CONVOY_ENGINE=wasm',
    });
  });

  test('on musl and Windows it says why and writes nothing', async () => {
    for (const host of [
      { ...FAKE_HOST, glibc: undefined },
      { platform: 'win32', arch: 'x64' },
    ]) {
      const { lines, options } = inProcess({ host });
      expect(await provision(options)).toMatchObject({ engine: 'wasm', how: 'unsupported' });
      expect(lines).toHaveLength(1);
      expect(remains(options.cacheDir)).toEqual([]);
    }
  });

  test('on macOS the install script of the package is tried', async () => {
    const runInstallScript = async () => {};
    const { options } = inProcess({ host: { platform: 'darwin', arch: 'arm64' }, tools: { runInstallScript } });
    expect(await provision(options)).toMatchObject({ engine: 'tensorflow', how: 'install script' });
  });
});

describe('a package that may not be written to', () => {
  /** As the package that people install has it: sources in node_modules, the addon in the cache, no install script. */
  function inPackage() {
    const { lines, options } = inProcess();
    const tfjs = join(options.root, 'node_modules/@tensorflow/tfjs-node');
    const home = join(options.cacheDir, 'installed');
    const { root: _, ...rest } = options;
    const env = { ...options.env, ADDON_HOME: home };
    const find = async () => ({ tfjs, version: '4.22.0', home, installScript: null });
    return { lines, tfjs, home, options: { ...rest, env, find } };
  }

  test('has its addon in the cache, and is proven from then on', async () => {
    const { tfjs, home, options } = inPackage();
    const before = readdirSync(tfjs);
    const env = { ...options.env, CONVOY_TENSORFLOW_WHEEL: makeWheel(WHEEL) };
    expect(await provision({ ...options, env })).toMatchObject({ engine: 'tensorflow', how: 'wheel' });
    expect(readdirSync(tfjs)).toEqual(before);
    expect(remains(home)).toEqual(['.convoy-works.json', 'deps', 'lib']);
    const selfTest = () => expect.unreachable('what is proven is tested again');
    expect(await provision({ ...options, selfTest })).toMatchObject({ how: 'already working' });
  });

  test('takes what is in the cache, and downloads and compiles nothing when asked not to', async () => {
    const { lines, home, options } = inPackage();
    const tools = {
      checkTools: () => expect.unreachable('tools are looked for'),
      makeAddon: () => expect.unreachable('compiles'),
    };
    const cached = { ...options, onlyCached: true, tools };
    expect(await provision(cached)).toEqual({
      engine: 'wasm',
      how: 'not set up',
      detail: 'TensorFlow is not set up on this machine',
    });
    expect(lines).toEqual([]);
    expect(remains(options.cacheDir)).toEqual([]);

    await provision({ ...options, env: { ...options.env, CONVOY_TENSORFLOW_WHEEL: makeWheel(WHEEL) } });
    rmSync(home, { recursive: true });
    expect(await provision(cached)).toMatchObject({ engine: 'tensorflow', how: 'cache' });
    expect(remains(home)).toContain('.convoy-works.json');

    rmSync(home, { recursive: true });
    writeFileSync(join(options.cacheDir, ADDON, 'tfjs_binding.node'), 'bad');
    lines.length = 0;
    expect(await provision(cached)).toMatchObject({ engine: 'wasm', how: 'failed' });
    expect(lines).toEqual([expect.stringMatching(/^the TensorFlow in the cache does not work here: .* came out as /)]);
  });

  test('tries no install script: it has none', async () => {
    const { lines, options } = inPackage();
    expect(await provision({ ...options, python: ['python3'], tools: {} })).toMatchObject({ how: 'failed' });
    expect(lines).toEqual([expect.stringMatching(/^TensorFlow needs python3/)]);
  });
});

describe('when nothing works', () => {
  const noScript = {
    runInstallScript: async () => {
      throw new Obstacle('the install script of tfjs-node failed (403)');
    },
  };

  test('without Python it names what to install, and it falls back to WASM', async () => {
    const { lines, options } = inProcess({ python: ['python3'], tools: noScript });
    const result = await provision(options);
    expect(result).toMatchObject({ engine: 'wasm', how: 'failed' });
    expect(lines[0]).toBe(
      'TensorFlow needs python3, a C++ compiler, make: apt-get install python3 python3-pip g++ make',
    );
    expect(lines[1]).toBe('the install script of tfjs-node failed (403)');
    expect(result.detail).toBe(lines.join('; '));
  });

  test('a failed download is not repeated within the hour, unless asked to', async () => {
    const python = [process.execPath, '--eval', 'console.error("ERROR: no route"); process.exit(1)', '--'];
    const { lines, options } = inProcess({ python, tools: { ...FAKE_TOOLS, ...noScript } });
    await provision(options);
    expect(lines[0]).toMatch(/^pip could not download tensorflow==2\.21\.0 \(ERROR: no route\): check the network/);
    lines.length = 0;
    await provision({ ...options, python: ['must-not-be-started'] });
    expect(lines[0]).toMatch(/\(ERROR: no route\).* \(tried 0 min ago; to try again: npx convoy setup --retry\)$/);
    expect(lines[1]).toMatch(/\(403\) \(tried 0 min ago/);

    const pips = await listenForPips(makeWheel(WHEEL));
    const again = { python: FAKE_PYTHON, retry: true, tools: FAKE_TOOLS, env: { ...options.env, ...pips.env } };
    const retried = provision({ ...options, ...again });
    (await pips.next()).finish();
    expect(await retried).toMatchObject({ how: 'wheel' });
    expect(remains(options.cacheDir)).not.toContain('failed-download.json');
  });

  test('a cache that cannot be written is named with the variable to set', async () => {
    const file = join(makeClone(), 'package.json');
    const { lines, options } = inProcess({ cacheDir: join(file, 'cache') });
    expect(await provision(options)).toMatchObject({ engine: 'wasm', how: 'failed' });
    expect(lines).toEqual([expect.stringMatching(/set CONVOY_CACHE_DIR to a directory that can be written$/)]);
  });

  test('a fault of our own is thrown, not taken for a fault of the machine', async () => {
    const makeAddon = async () => {
      throw new TypeError('ours');
    };
    const { options } = inProcess({ tools: { ...FAKE_TOOLS, makeAddon } });
    const env = { ...options.env, CONVOY_TENSORFLOW_WHEEL: makeWheel(WHEEL) };
    await expect(provision({ ...options, env })).rejects.toThrow(TypeError);
    expect(remains(options.cacheDir)).toEqual([LIBRARY]);
  });
});
