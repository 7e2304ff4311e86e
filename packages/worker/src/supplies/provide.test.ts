import { createHash } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { writeSmall } from '@convoy/cifar10/binary.fixture';
import { openDataset } from '@convoy/cifar10/locate';
import type { Dataset } from '@convoy/model/dataset';
import { exitCodes } from '@convoy/protocol/errors';
import { PROTOCOL_VERSION } from '@convoy/protocol/messages';
import { VERSION } from '@convoy/protocol/version';
import { supplyRoutes } from '@convoy/server/supplies/routes';
import { Supplies, type SuppliesOptions } from '@convoy/server/supplies/supplies';
import { testConfig } from '@convoy/training/config.fixture';
import { Gate } from '@convoy/transport/gate';
import { RouteTable } from '@convoy/transport/routes';
import { temporaryDirectory } from '@convoy/transport/temporary-directory.fixture';
import { openSamples } from './open-samples.ts';
import { DEFAULT_CACHE_BYTES, provide, provideWhenThere, type ProvideOptions } from './provide.ts';

const MODULE = Buffer.from('export default 1;');
const CODE = { code: MODULE, sha256: createHash('sha256').update(MODULE).digest('hex') };
const dataset = await openDataset({ dataset: 'synthetic', seed: 1, trainCount: 50, testCount: 10 });
const workload = { name: 'workload', workload: 'parity' } as const;

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A coordinator's routes behind a proxy's prefix, and what was asked of them. */
async function coordinator(options: Partial<SuppliesOptions> = {}) {
  const supplies = new Supplies({
    run: 'r',
    config: testConfig({ dataset: workload }),
    dataset,
    code: null,
    ...options,
  });
  const asked: string[] = [];
  const routes = new RouteTable(supplyRoutes(() => supplies));
  const url = await listening(
    createServer((request, response) => {
      asked.push(request.url!);
      routes.answer(request, response, new Gate());
    }),
  );
  return { url: `${url}/prefix`, asked };
}

async function setUp(url: string, more: Partial<ProvideOptions> = {}) {
  const notes: string[] = [];
  const cacheDir = await temporaryDirectory();
  const options: ProvideOptions = {
    address: { url },
    own: {},
    environment: { CONVOY_CACHE_DIR: cacheDir },
    allowWorkload: true,
    cacheBytes: DEFAULT_CACHE_BYTES,
    signal: new AbortController().signal,
    log: (line) => void notes.push(line),
    ...more,
  };
  return { options, notes, cacheDir };
}

/** Every sample of a data set, as bytes and labels. */
async function samplesOf(data: Dataset) {
  const all: unknown[] = [];
  for (const split of ['train', 'test'] as const) {
    const count = split === 'train' ? data.trainCount : data.testCount;
    for (let index = 0; index < count; index++) {
      const input = new Uint8Array(3072);
      await data.hold?.(split, Int32Array.of(index), () => true);
      all.push([data.read(split, index, input, 0), Buffer.from(input).toString('base64')]);
    }
  }
  return all;
}

describe('a bare worker', () => {
  test('has the samples of the coordinator, fetched whole or as they are leased, bit for bit', async () => {
    const { url, asked } = await coordinator({ code: CODE });
    const reference = await samplesOf(dataset);
    const whole = await setUp(url);
    const fetched = openSamples((await provide(whole.options)).samples!);
    expect(fetched).toMatchObject({ fingerprint: dataset.fingerprint, classNames: dataset.classNames, trainCount: 50 });
    expect(await samplesOf(fetched)).toEqual(reference);
    await provide(whole.options);
    const last = await provide(whole.options);
    // The run is the same: nothing is looked at.
    expect(await provide({ ...whole.options, environment: {}, last })).toBe(last);
    expect(asked.filter((path) => path === '/prefix/v1/data/train.samples')).toHaveLength(1);

    const leased = await setUp(url, { cacheBytes: 10_000 });
    const { samples } = await provide(leased.options);
    expect(samples!.from).toMatchObject({ kind: 'coordinator', holdBytes: 10_000 });
    expect(await samplesOf(openSamples(samples!))).toEqual(reference);
    expect(asked).toContain('/prefix/v1/data/train.samples?records=49');
    expect(await readdir(join(leased.cacheDir, 'fetched'))).toEqual([CODE.sha256]);
  });

  test("has CIFAR-10's files, unless it has them already", async () => {
    const folder = await temporaryDirectory();
    await writeSmall(folder);
    const files = (await readdir(folder)).map((name) => ({ name, path: join(folder, name), url: null }));
    const config = testConfig({ dataset: { name: 'cifar10' } });
    const { url, asked } = await coordinator({ config, dataset: { ...dataset, files } });
    const { options, cacheDir } = await setUp(url);
    const { dataDir } = await provide(options);
    expect(dataDir).toBe(join(cacheDir, 'fetched', dataset.fingerprint));
    expect((await readdir(dataDir!)).sort()).toEqual(files.map(({ name }) => name).sort());
    const nothing = { etag: expect.any(String) };
    expect(await provide({ ...options, environment: { CIFAR10_DIR: folder } })).toEqual(nothing);
    expect(await provide({ ...options, own: { dataDir: folder } })).toEqual(nothing);
    expect(asked.filter((path) => path.includes('/data/'))).toHaveLength(6);
  });

  test('fetches the files that a workload names, and takes a path that is the same here', async () => {
    const folder = await temporaryDirectory();
    const path = join(folder, 'a.csv');
    await writeFile(path, '1,2,3');
    const named = (url: string | null) => ({ ...dataset, files: [{ name: 'a', path, url }] });
    const shared = await coordinator({ code: CODE, dataset: named(path) });
    expect((await provide((await setUp(shared.url)).options)).files).toEqual({ a: path });
    const served = await coordinator({ code: CODE, dataset: named(null) });
    const { options, cacheDir } = await setUp(served.url);
    expect((await provide(options)).files).toEqual({ a: join(cacheDir, 'fetched', dataset.fingerprint, 'a') });
    // An address that does not answer: the coordinator has it all the same.
    const away = await coordinator({ code: CODE, dataset: named('http://127.0.0.1:9/a.csv') });
    const other = await setUp(away.url);
    expect((await provide(other.options)).files).toHaveProperty('a');
    expect(other.notes.at(-1)).toMatch(
      /^a can't be fetched from http:\/\/127\.0\.0\.1:9\/a\.csv \(.+\); asking the coordinator/,
    );
  });

  test("runs no code that nobody has allowed, and says the code's digest and the flag", async () => {
    const { url, asked } = await coordinator({ code: CODE });
    const { options } = await setUp(url, { allowWorkload: false });
    await expect(provide(options)).rejects.toMatchObject({
      message: `this run trains the workload "parity", code of the coordinator's with the sha256 ${CODE.sha256}: --allow-workload runs it on this machine, as this user`,
      exitCode: exitCodes.data,
    });
    expect(asked).toEqual(['/prefix/v1/run']);
  });

  test('is told why a workload can not be sent', async () => {
    const { url } = await coordinator({ code: { refusal: 'it imports sharp, which needs a compiled library' } });
    const { options } = await setUp(url);
    await expect(provide(options)).rejects.toThrow(
      `the workload "parity" can't be sent to this worker: it imports sharp`,
    );
  });

  test('of another version says which one to install', async () => {
    const answer = async (about: object) => {
      const server = createServer((_, response) => response.end(JSON.stringify(about)));
      return (await setUp(await listening(server))).options;
    };
    await expect(provide(await answer({ version: '9.9.9', protocolVersion: 99 }))).rejects.toMatchObject({
      message: `the coordinator has Convoy 9.9.9 (protocol 99), this worker ${VERSION} (protocol ${PROTOCOL_VERSION}): install it with "npm install tfjs-convoy@9.9.9", or start the worker as "npx tfjs-convoy@9.9.9 worker …"`,
      exitCode: exitCodes.rejected,
    });
    await expect(provide(await answer({ hello: 'world' }))).rejects.toThrow('is no coordinator of Convoy');
  });

  test('whose coordinator is from before it could say what a run needs is told that', async () => {
    const old = createServer((_, response) =>
      response.writeHead(426).end('This port speaks WebSocket: start a worker.\n'),
    );
    const { options } = await setUp(await listening(old));
    await expect(provide(options)).rejects.toThrow(
      /does not say what its run needs \(This port speaks WebSocket.+install the same version on both/,
    );
  });

  test('waits for a coordinator whose run is not ready', async () => {
    let supplies: Supplies | null = null;
    const routes = new RouteTable(supplyRoutes(() => supplies));
    const url = await listening(createServer((request, response) => routes.answer(request, response, new Gate())));
    const { options } = await setUp(url);
    const config = testConfig({ dataset: { name: 'synthetic', seed: 1, trainCount: 50, testCount: 10 } });
    const said: string[] = [];
    const provision = provideWhenThere(
      options,
      () => 0,
      (error) => {
        said.push(error.message);
        supplies = new Supplies({ run: 'r', config, dataset, code: null });
      },
    );
    expect(await provision).toEqual({ etag: '"r."' });
    expect(said).toEqual(['the run is not ready yet']);
  });
});
