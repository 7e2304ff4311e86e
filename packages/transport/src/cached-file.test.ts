import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { exitCodes } from '@convoy/protocol/errors';
import { cachedFiles, type CachedFileOptions, type WantedFile } from './cached-file.ts';
import { sendBytes, type ServedBytes } from './send-bytes.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';

const CONTENT = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 31) % 251));
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const SERVED: ServedBytes = {
  bytes: CONTENT.length,
  digest: SHA256,
  type: 'application/octet-stream',
  async *read(start, end) {
    yield CONTENT.subarray(start, end);
  },
};

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const whole: Answer = (request, response) => void sendBytes(request, response, SERVED);

/** Answers the requests one after another, the last answer for all that follow, and keeps what was asked. */
async function serve(...answers: readonly Answer[]) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answers[Math.min(requests.length, answers.length) - 1]!(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const file: WantedFile = {
    name: 'a.bin',
    bytes: CONTENT.length,
    sha256: SHA256,
    from: { url: new URL(`http://127.0.0.1:${port}/v1/data/a.bin`) },
  };
  return { file, requests };
}

async function setUp(more: Partial<CachedFileOptions> = {}) {
  const notes: string[] = [];
  const options: CachedFileOptions = {
    cacheDir: await temporaryDirectory(),
    key: 'key',
    limitBytes: 1e9,
    signal: new AbortController().signal,
    onNote: (line) => void notes.push(line),
    delay: async () => void (await turn()),
    freeBytes: () => Promise.resolve(1e12),
    ...more,
  };
  return { options, notes };
}

describe('files in the cache of a machine', () => {
  test('are fetched once, and looked at the next time', async () => {
    const { file, requests } = await serve(whole);
    const { options } = await setUp();
    const folder = await cachedFiles([file], options);
    expect(await readFile(join(folder, 'a.bin'))).toEqual(CONTENT);
    expect(await cachedFiles([file], options)).toBe(folder);
    expect(requests).toHaveLength(1);
    expect(await readdir(folder)).toEqual(['a.bin']);
  });

  test('are fetched by one of four that ask at the same time', async () => {
    const { file, requests } = await serve(whole);
    const { options } = await setUp();
    await Promise.all(Array.from({ length: 4 }, () => cachedFiles([file], options)));
    expect(requests).toHaveLength(1);
  });

  test('go on where a download was interrupted', async () => {
    const half = CONTENT.length / 2;
    const interrupting = new AbortController();
    const { file, requests } = await serve((_, response) => {
      response.writeHead(200, { etag: `"${SHA256}"`, 'content-length': CONTENT.length });
      response.write(CONTENT.subarray(0, half));
    }, whole);
    const { options } = await setUp();
    const first = cachedFiles([file], {
      ...options,
      signal: interrupting.signal,
      onProgress: (received) => received === half && interrupting.abort(new Error('interrupted')),
    });
    await expect(first).rejects.toThrow('interrupted');
    const folder = await cachedFiles([file], options);
    expect(await readFile(join(folder, 'a.bin'))).toEqual(CONTENT);
    expect(requests[1]!.headers).toMatchObject({ range: `bytes=${half}-`, 'if-range': `"${SHA256}"` });
  });

  test('with a wrong byte are fetched anew, and so is what an interrupted download left with one', async () => {
    const { file, requests } = await serve(whole);
    const { options, notes } = await setUp();
    const path = join(await cachedFiles([file], options), 'a.bin');
    const damaged = Buffer.from(CONTENT);
    damaged[77]! ^= 1;
    await writeFile(path, damaged);
    await cachedFiles([file], options);
    expect(await readFile(path)).toEqual(CONTENT);
    expect(requests).toHaveLength(2);
    expect(notes).toEqual(['the copy of a.bin in the cache is damaged and is fetched anew']);

    await writeFile(path, damaged);
    await writeFile(`${path}.partial`, damaged.subarray(0, 50_000));
    const about = { url: file.from.url.href, etag: `"${SHA256}"`, total: CONTENT.length };
    await writeFile(`${path}.partial.json`, JSON.stringify(about));
    await cachedFiles([file], options);
    expect(await readFile(path)).toEqual(CONTENT);
    expect(requests.slice(2).map(({ headers }) => headers.range)).toEqual(['bytes=50000-', undefined]);
    expect(notes.at(-1)).toBe('a.bin arrived damaged and is fetched anew');
  });

  test('that are never what was announced end with one line', async () => {
    const { file } = await serve(whole);
    const { options } = await setUp();
    const other = { ...file, sha256: 'b'.repeat(64) };
    await expect(cachedFiles([other], options)).rejects.toMatchObject({
      message: 'a.bin is not what was announced (sha256 bbbbbbbb…) however often it is fetched',
      exitCode: exitCodes.data,
    });
  });

  test('for which the disk has no room are told in one line before they are fetched', async () => {
    const { file, requests } = await serve(whole);
    const { options } = await setUp({ freeBytes: () => Promise.resolve(1_000) });
    await expect(cachedFiles([file], options)).rejects.toMatchObject({
      message: expect.stringMatching(
        /^can't keep fetched files in \S+: the disk is full \(ENOSPC\); free some space, or set CONVOY_CACHE_DIR/,
      ),
      exitCode: exitCodes.data,
    });
    expect(requests).toHaveLength(0);
  });

  test('that were used longest ago make room', async () => {
    const { file } = await serve(whole);
    const { options } = await setUp({ limitBytes: 250_000 });
    const store = join(options.cacheDir, 'fetched');
    for (const [at, key] of ['oldest', 'older'].entries()) {
      await mkdir(join(store, key), { recursive: true });
      await writeFile(join(store, key, 'b.bin'), new Uint8Array(100_000));
      await utimes(join(store, key), at, at);
    }
    await cachedFiles([file], options);
    expect((await readdir(store)).sort()).toEqual(['key', 'older']);
  });

  test('are waited for as long as the server is busy', async () => {
    const busy: Answer = (_, response) => response.writeHead(503, { 'retry-after': '1' }).end('busy');
    const { file, requests } = await serve(...Array.from({ length: 9 }, () => busy), whole);
    const { options } = await setUp();
    await cachedFiles([file], options);
    expect(requests).toHaveLength(10);
  });
});

describe('bytes that are served', () => {
  const ask = async (headers: Record<string, string>) => {
    const { file } = await serve(whole);
    const response = await fetch(file.from.url, { headers });
    return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
  };

  test('come whole or by range, with a strong ETag', async () => {
    const all = await ask({});
    expect([all.status, all.body.length, all.headers.get('etag')]).toEqual([200, CONTENT.length, `"${SHA256}"`]);
    for (const [range, from, to] of [
      ['bytes=10-19', 10, 20],
      ['bytes=99990-', 99_990, 100_000],
      ['bytes=-5', 99_995, 100_000],
      ['bytes=99990-200000', 99_990, 100_000],
    ] as const) {
      const part = await ask({ range });
      expect([range, part.status, part.headers.get('content-range')]).toEqual([
        range,
        206,
        `bytes ${from}-${to - 1}/100000`,
      ]);
      expect(part.body).toEqual(CONTENT.subarray(from, to));
    }
  });

  test('come whole where the part is of another file, and not at all where there is none or the file is known', async () => {
    expect((await ask({ range: 'bytes=10-19', 'if-range': '"other"' })).status).toBe(200);
    expect((await ask({ range: 'bytes=10-19', 'if-range': `"${SHA256}"` })).status).toBe(206);
    expect((await ask({ range: 'bytes=100000-' })).status).toBe(416);
    expect((await ask({ 'if-none-match': `"${SHA256}"` })).status).toBe(304);
  });
});
