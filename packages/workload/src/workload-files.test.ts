import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { faultOfFiles, openFiles } from './workload-files.ts';

const CONTENT = Buffer.from('1,2,3\n');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'convoy-files-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Serves the content at any path, and keeps what was asked. */
async function serve() {
  const asked: URL[] = [];
  const server = createServer((request, response) => {
    asked.push(new URL(request.url!, 'http://server'));
    response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('a path is taken from the workload on, and an address is downloaded into the cache once', async () => {
  const [folder, cache] = [await temporaryFolder(), await temporaryFolder()];
  const { url, asked } = await serve();
  await writeFile(join(folder, 'here.csv'), CONTENT);
  const files = { here: 'here.csv', there: { url: `${url}/there.csv`, sha256: SHA256 } };
  const environment = { CONVOY_CACHE_DIR: cache };
  const open = () => openFiles(join(folder, 'workload.ts'), files, { environment });
  const [here, there] = await open();
  expect(here).toEqual({ name: 'here', path: join(folder, 'here.csv'), url: null });
  expect(there).toMatchObject({ name: 'there', url: `${url}/there.csv` });
  expect(await readFile(there!.path)).toEqual(CONTENT);
  await open();
  expect(asked).toHaveLength(1);
});

test('an object in S3 is asked for with an address that the credentials of the environment have signed', async () => {
  const cache = await temporaryFolder();
  const { url, asked } = await serve();
  const environment = {
    CONVOY_CACHE_DIR: cache,
    AWS_ENDPOINT_URL: url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'not-a-secret',
  };
  const files = { set: { url: 's3://my-bucket/data/set.csv', sha256: SHA256 } };
  const [set] = await openFiles('workload.ts', files, { environment });
  expect(await readFile(set!.path)).toEqual(CONTENT);
  expect(asked[0]!.pathname).toBe('/my-bucket/data/set.csv');
  const signed = Object.fromEntries(asked[0]!.searchParams);
  expect(signed).toMatchObject({ 'X-Amz-Algorithm': 'AWS4-HMAC-SHA256', 'X-Amz-Expires': '21600' });
  expect(signed['X-Amz-Credential']).toMatch(/^AKIDEXAMPLE\/\d{8}\/eu-west-1\/s3\/aws4_request$/);
  expect(signed['X-Amz-Signature']).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.stringify(Object.fromEntries(asked[0]!.searchParams))).not.toContain('not-a-secret');
});

test('a file at an address needs the digest of what is there, and other mistakes are named', () => {
  const faults = (files: unknown) => faultOfFiles(files);
  expect(faults({ a: 'a.csv', b: { url: 's3://b/k', sha256: SHA256 } })).toBeNull();
  expect(faults({ a: 'https://example.org/a.csv' })).toContain(
    'a is an address: give it with the digest of what is there',
  );
  expect(faults({ a: { url: 'https://example.org/a.csv' } })).toBe('files: a needs its sha256, 64 hexadecimal digits');
  expect(faults({ a: { url: 'ftp://example.org/a.csv', sha256: SHA256 } })).toContain(
    'a must be a path, or { url, sha256 }',
  );
  expect(faults({ 'a/b': 'c' })).toContain('"a/b" must be of letters');
});
