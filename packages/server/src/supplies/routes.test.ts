import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { openDataset } from '@convoy/cifar10/locate';
import { testConfig } from '@convoy/training/config.fixture';
import { Gate } from '@convoy/transport/gate';
import { RouteTable } from '@convoy/transport/routes';
import { supplyRoutes } from './routes.ts';
import { Supplies } from './supplies.ts';

const dataset = await openDataset({ dataset: 'synthetic', seed: 1, trainCount: 3_000, testCount: 10 });
const RECORD_BYTES = 3072 + 4;

async function serve() {
  const config = testConfig({ dataset: { name: 'workload', workload: 'w' } });
  const supplies = new Supplies({ run: 'r', config, dataset, code: null });
  const routes = new RouteTable(supplyRoutes(() => supplies));
  const server = createServer((request, response) => routes.answer(request, response, new Gate()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return (path: string, headers: Record<string, string> = {}) => fetch(`${url}${path}`, { headers });
}

test('records are served one by one, and as files of which any part can be had', async () => {
  const ask = await serve();
  const some = Buffer.from(await (await ask('/v1/data/train.samples?records=2999,7-8')).arrayBuffer());
  expect(some.length).toBe(3 * RECORD_BYTES);
  for (const [at, index] of [2999, 7, 8].entries()) {
    const input = new Uint8Array(3072);
    const label = dataset.read('train', index, input, 0);
    const record = some.subarray(at * RECORD_BYTES, (at + 1) * RECORD_BYTES);
    expect(record.subarray(0, 3072)).toEqual(Buffer.from(input));
    expect(record.readInt32LE(3072)).toBe(label);
  }
  // From the midst of a record on, over chunks' ends.
  const start = 7 * RECORD_BYTES + 100;
  const part = await ask('/v1/data/train.samples', { range: `bytes=${start}-` });
  expect(part.headers.get('content-range')).toBe(`bytes ${start}-${3_000 * RECORD_BYTES - 1}/${3_000 * RECORD_BYTES}`);
  const bytes = Buffer.from(await part.arrayBuffer());
  expect(bytes.length).toBe(3_000 * RECORD_BYTES - start);
  expect(bytes.subarray(0, RECORD_BYTES - 100)).toEqual(some.subarray(RECORD_BYTES + 100, 2 * RECORD_BYTES));
  expect(bytes.subarray(-RECORD_BYTES)).toEqual(some.subarray(0, RECORD_BYTES));
});

test('what is no list of samples, too many of them, or not there is refused', async () => {
  const ask = await serve();
  const status = async (path: string) => (await ask(path)).status;
  expect(await status('/v1/data/train.samples?records=a')).toBe(400);
  expect(await status('/v1/data/other?records=1')).toBe(400);
  expect(await status('/v1/data/train.samples?records=0-1023')).toBe(200);
  expect(await status('/v1/data/train.samples?records=0-1023,1024')).toBe(400);
  expect(await status('/v1/data/train.samples?records=3000')).toBe(416);
  expect(await status('/v1/data/nothing')).toBe(404);
  expect(await status('/v1/data/..%2F..%2Fetc%2Fpasswd')).toBe(404);
  expect(await status('/v1/workload')).toBe(404);
});

test('eight downloads are served at a time, and others are asked to come back', async () => {
  const ask = await serve();
  // Their bodies are not read: the server waits for them.
  const slow = await Promise.all(Array.from({ length: 8 }, () => ask('/v1/data/train.samples')));
  const ninth = await ask('/v1/data/test.samples');
  expect([ninth.status, ninth.headers.get('retry-after')]).toEqual([503, '1']);
  await Promise.all(slow.map(({ body }) => body!.cancel()));
  await expect.poll(() => ask('/v1/data/test.samples').then(({ status }) => status), { timeout: 60_000 }).toBe(200);
});
