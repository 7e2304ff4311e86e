import { existsSync } from 'node:fs';
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createHash } from 'node:crypto';
import { OperatorError, exitCodes } from '@convoy/protocol/errors';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SMALL, archiveOf, smallEntries, temporaryDirectory, writeSmall } from './binary.fixture.ts';
import { openBinary } from './binary.ts';
import { downloadCifar10, type DownloadOptions } from './download.ts';

const ARCHIVE = archiveOf(smallEntries());
const SHA256 = createHash('sha256').update(ARCHIVE).digest('hex');
const HALF = ARCHIVE.length >> 1;
const ETAG = '"one"';

/** Answers the requests one after another, the last answer for all that follow, and keeps what was asked. */
async function serve(...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]!;
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/cifar-10-binary.tar.gz`, port, requests, server };
}

/** A server that knows ranges. */
function whole(request: IncomingMessage, response: ServerResponse): void {
  const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const wanted = start !== null && request.headers['if-range'] === ETAG ? Number(start[1]) : 0;
  if (wanted > 0) {
    response.writeHead(206, {
      etag: ETAG,
      'content-length': ARCHIVE.length - wanted,
      'content-range': `bytes ${wanted}-${ARCHIVE.length - 1}/${ARCHIVE.length}`,
    });
  } else {
    response.writeHead(200, { etag: ETAG, 'content-length': ARCHIVE.length });
  }
  response.end(ARCHIVE.subarray(wanted));
}

/** Announces everything, sends half of it and hangs up once that has arrived. */
function half(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { etag: ETAG, 'content-length': ARCHIVE.length });
  response.write(ARCHIVE.subarray(0, HALF));
  atHalf.push(() => response.socket!.end());
}

const atHalf: (() => void)[] = [];

function status(code: number, headers: Record<string, string> = {}) {
  return (_: IncomingMessage, response: ServerResponse) => void response.writeHead(code, headers).end('no');
}

/** Options of a download that waits for nothing, and what it waited for and said. */
async function setUp(url: string, options: Partial<DownloadOptions> = {}) {
  const cacheDir = options.cacheDir ?? (await temporaryDirectory());
  const delays: number[] = [];
  const notes: string[] = [];
  const progress: (readonly [number, number | undefined])[] = [];
  return {
    cacheDir,
    delays,
    notes,
    progress,
    options: {
      url,
      cacheDir,
      layout: SMALL,
      delay: async (durationMs) => {
        delays.push(durationMs);
        await turn();
      },
      onNote: (message) => void notes.push(message),
      onProgress: (received, total) => {
        progress.push([received, total]);
        if (received === HALF) for (const hangUp of atHalf.splice(0)) hangUp();
      },
      ...options,
    } satisfies DownloadOptions as DownloadOptions,
  };
}

async function failure(work: Promise<unknown>): Promise<string> {
  const cause = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(cause).toBeInstanceOf(OperatorError);
  expect((cause as OperatorError).exitCode).toBe(exitCodes.data);
  const { message } = cause as OperatorError;
  expect(message).not.toContain('\n');
  for (const alternative of ['--data-dir', 'CIFAR10_DIR', 'CONVOY_CIFAR10_URL', '--dataset synthetic']) {
    expect(message).toContain(alternative);
  }
  return message;
}

async function expectComplete(directory: string, cacheDir: string): Promise<void> {
  expect(directory).toBe(join(cacheDir, 'cifar-10-batches-bin'));
  const reference = await temporaryDirectory();
  await writeSmall(reference);
  expect(openBinary(directory, SMALL).fingerprint).toBe(openBinary(reference, SMALL).fingerprint);
  // No archive, no partial file, no lock is left behind.
  expect(await readdir(join(cacheDir, 'downloads'))).toEqual([]);
}

describe('a download', () => {
  test('ends up unpacked in the cache, and is not repeated', async () => {
    const { url, requests } = await serve(whole);
    const { options, cacheDir, progress, notes } = await setUp(url, { sha256: SHA256.toUpperCase() });
    await expectComplete(await downloadCifar10(options), cacheDir);
    expect(progress[0]).toEqual([0, ARCHIVE.length]);
    expect(progress.at(-1)).toEqual([ARCHIVE.length, ARCHIVE.length]);
    await expectComplete(await downloadCifar10(options), cacheDir);
    expect(requests).toHaveLength(1);
    expect(notes).toEqual([]);
  });

  test('continues after a cut connection where it was', async () => {
    const { url, requests } = await serve(half, whole);
    const { options, cacheDir, delays, progress } = await setUp(url);
    await expectComplete(await downloadCifar10(options), cacheDir);
    expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, `bytes=${HALF}-`]);
    expect(requests[1]!.headers['if-range']).toBe(ETAG);
    expect(delays).toEqual([1000]);
    expect(progress).toContainEqual([HALF, ARCHIVE.length]);
  });

  test('continues what an aborted call left', async () => {
    const { url, requests } = await serve((_, response) => {
      response.writeHead(200, { etag: ETAG, 'content-length': ARCHIVE.length });
      response.write(ARCHIVE.subarray(0, HALF));
    }, whole);
    const stop = new AbortController();
    const { options, cacheDir } = await setUp(url);
    const reason = new Error('enough');
    const onProgress = (received: number) => received === HALF && stop.abort(reason);
    await expect(downloadCifar10({ ...options, onProgress, signal: stop.signal })).rejects.toBe(reason);
    expect(existsSync(join(cacheDir, 'cifar-10-batches-bin'))).toBe(false);
    await expectComplete(await downloadCifar10(options), cacheDir);
    expect(requests[1]!.headers.range).toBe(`bytes=${HALF}-`);
  });

  test('starts again when the server knows no ranges', async () => {
    const { url, requests } = await serve(half, (_, response) => {
      response.writeHead(200, { etag: ETAG, 'content-length': ARCHIVE.length }).end(ARCHIVE);
    });
    const { options, cacheDir, notes } = await setUp(url);
    await expectComplete(await downloadCifar10(options), cacheDir);
    expect(requests).toHaveLength(2);
    expect(notes.at(-1)).toContain('starts the file again');
  });

  test('starts again when nothing would show that the file changed', async () => {
    const { url, requests } = await serve((_, response) => {
      response.writeHead(200, { etag: 'W/"weak"', 'content-length': ARCHIVE.length });
      response.write(ARCHIVE.subarray(0, HALF));
      atHalf.push(() => response.socket!.end());
    }, whole);
    const { options, cacheDir } = await setUp(url);
    await expectComplete(await downloadCifar10(options), cacheDir);
    expect(requests[1]!.headers.range).toBeUndefined();
  });

  test.each<[change: string, headers: (from: number) => Record<string, string | number>]>([
    [
      'its ETag',
      (from) => ({ etag: '"two"', 'content-range': `bytes ${from}-${ARCHIVE.length - 1}/${ARCHIVE.length}` }),
    ],
    [
      'its length',
      (from) => ({ etag: ETAG, 'content-range': `bytes ${from}-${ARCHIVE.length}/${ARCHIVE.length + 1}` }),
    ],
    ['the range that was asked for', () => ({ etag: ETAG, 'content-range': `bytes 5-9/${ARCHIVE.length}` })],
  ])('starts again when a continuation changes %s', async (_, headers) => {
    const { url, requests } = await serve(
      half,
      (_, response) => void response.writeHead(206, headers(HALF)).end('other bytes'),
      whole,
    );
    const { options, cacheDir, notes } = await setUp(url);
    await expectComplete(await downloadCifar10(options), cacheDir);
    expect(requests).toHaveLength(3);
    expect(requests[2]!.headers.range).toBeUndefined();
    expect(notes.at(-1)).toContain('the file changed on the server');
  });

  test('starts again when the server has no such range', async () => {
    const { url } = await serve(half, status(416), whole);
    const { options, cacheDir } = await setUp(url);
    await expectComplete(await downloadCifar10(options), cacheDir);
  });

  test('tries again after a stall', async () => {
    const { url, requests } = await serve((_, response) => {
      response.writeHead(200, { etag: ETAG, 'content-length': ARCHIVE.length });
      response.write(ARCHIVE.subarray(0, HALF));
    }, whole);
    const { options, cacheDir, notes } = await setUp(url, { stallTimeoutMs: 200 });
    await expectComplete(await downloadCifar10(options), cacheDir);
    expect(requests).toHaveLength(2);
    expect(notes[0]).toContain('the server sent nothing for 0.2 s');
  });

  test('tries again after 503, when the server wishes', async () => {
    const { url } = await serve(status(503, { 'retry-after': '7' }), whole);
    const { options, cacheDir, delays } = await setUp(url);
    await expectComplete(await downloadCifar10(options), cacheDir);
    expect(delays).toEqual([7000]);
  });

  test('follows redirects, but not to another protocol', async () => {
    const { url } = await serve(whole);
    const here = await serve(status(302, { location: url }));
    const { options, cacheDir } = await setUp(here.url);
    await expectComplete(await downloadCifar10(options), cacheDir);
    const away = await serve(status(302, { location: 'file:///etc/passwd' }));
    const other = await setUp(away.url);
    expect(await failure(downloadCifar10(other.options))).toContain('redirects to file:///etc/passwd');
    const loop = await serve(status(302, { location: '/again' }));
    const round = await setUp(loop.url);
    expect(await failure(downloadCifar10(round.options))).toContain('redirects more than 5 times');
  });

  test.each([403, 404])('fails at once on HTTP %i, with the address and the alternatives', async (code) => {
    const { url, requests } = await serve(status(code));
    const { options, delays } = await setUp(url);
    expect(await failure(downloadCifar10(options))).toContain(
      `can't be downloaded from ${url}: the server answered HTTP ${code}`,
    );
    expect(requests).toHaveLength(1);
    expect(delays).toEqual([]);
  });

  test('gives up soon on an address that never sent a byte, later on one that did', async () => {
    const gone = await serve(whole);
    await new Promise((resolve) => gone.server.close(resolve));
    const first = await setUp(gone.url);
    expect(await failure(downloadCifar10(first.options))).toMatch(/ECONNREFUSED.*\(2 attempts without progress\)/);
    expect(first.delays).toEqual([1000]);

    const { url, requests } = await serve(half, status(500));
    const second = await setUp(url);
    expect(await failure(downloadCifar10(second.options))).toMatch(/HTTP 500.*\(5 attempts without progress\)/);
    expect(requests).toHaveLength(5);
    expect(second.delays).toEqual([1000, 2000, 4000, 8000]);
  });

  test('refuses an archive with another digest, and does not keep it', async () => {
    const { url } = await serve(whole);
    const { options, cacheDir } = await setUp(url, { sha256: 'ab'.repeat(32) });
    expect(await failure(downloadCifar10(options))).toContain(`SHA-256 is ${SHA256}, expected abab`);
    expect(await readdir(cacheDir)).toEqual(['downloads']);
    expect(await readdir(join(cacheDir, 'downloads'))).toEqual([]);
  });

  test.each<[fault: string, archive: Buffer, message: RegExp]>([
    ['a truncated archive', ARCHIVE.subarray(0, HALF), /the archive is damaged/],
    ['a page instead of an archive', Buffer.from('<html>Log in</html>'), /the archive is damaged/],
    ['an archive with a file missing', archiveOf(smallEntries().slice(0, 4)), /data_batch_4\.bin is missing/],
    ['an archive of something else', archiveOf([{ path: 'cat.jpg' }]), /is not CIFAR-10.*found nothing/],
    [
      'an archive with a traversal',
      archiveOf([...smallEntries(), { path: '../evil', content: Buffer.from('x') }]),
      /\.\.\/evil, which leads out/,
    ],
    [
      'an archive with a symbolic link',
      archiveOf([{ path: 'data_batch_1.bin', type: 'SymbolicLink', linkpath: '/etc/passwd' }, ...smallEntries()]),
      /SymbolicLink/,
    ],
  ])('refuses %s, and keeps nothing of it', async (_, archive, message) => {
    const { url } = await serve((_, response) => void response.end(archive));
    const { options, cacheDir } = await setUp(url);
    expect(await failure(downloadCifar10(options))).toMatch(message);
    expect(await readdir(cacheDir)).toEqual(['downloads']);
    expect(await readdir(join(cacheDir, 'downloads'))).toEqual([]);
  });

  test('is made once for two that ask at the same time', async () => {
    const { url, requests } = await serve(whole);
    const one = await setUp(url);
    const other = await setUp(url, { cacheDir: one.cacheDir });
    const directories = await Promise.all([downloadCifar10(one.options), downloadCifar10(other.options)]);
    expect(directories[0]).toBe(directories[1]);
    await expectComplete(directories[0], one.cacheDir);
    expect(requests).toHaveLength(1);
    expect([...one.notes, ...other.notes]).toEqual(['another process is downloading CIFAR-10; waiting for it']);
  });

  test('replaces a damaged copy in the cache and says so', async () => {
    const { url } = await serve(whole);
    const { options, cacheDir, notes } = await setUp(url);
    const target = join(cacheDir, 'cifar-10-batches-bin');
    await writeSmall(target);
    await truncate(join(target, 'test_batch.bin'), 1);
    await expectComplete(await downloadCifar10(options), cacheDir);
    expect(notes).toEqual([expect.stringMatching(/damaged and will be replaced: .*test_batch\.bin is truncated/)]);
  });

  test('says beforehand that the disk is too full', async () => {
    const { url, requests } = await serve(whole);
    const { options } = await setUp(url, { freeBytes: async () => 600_000 });
    expect(await failure(downloadCifar10(options))).toMatch(/needs 1 MB in .*, and 1 MB are free .*CONVOY_CACHE_DIR/);
    expect(requests).toHaveLength(0);
  });

  test('says that the cache is not a folder', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'cache'), '');
    const { options } = await setUp('http://127.0.0.1:9/', { cacheDir: join(directory, 'cache') });
    expect(await failure(downloadCifar10(options))).toMatch(/ENOTDIR|EEXIST/);
  });

  test('shows no password', async () => {
    const { port, requests } = await serve(status(403));
    const { options } = await setUp(`http://ada:secret@127.0.0.1:${port}/x`);
    expect(await failure(downloadCifar10(options))).not.toContain('secret');
    expect(requests[0]!.headers.authorization).toBe(`Basic ${btoa('ada:secret')}`);
  });

  test('refuses an address or a digest that is none', async () => {
    for (const url of ['ftp://example.org/x', '/some/path', 'cifar']) {
      const { options } = await setUp(url);
      await expect(downloadCifar10(options)).rejects.toThrow(`must be an http:, https: or file: address, not ${url}`);
    }
    const { options } = await setUp('http://127.0.0.1:9/', { sha256: 'abc' });
    await expect(downloadCifar10(options)).rejects.toThrow(
      'CONVOY_CIFAR10_SHA256 must be 64 hexadecimal digits, not abc',
    );
  });
});

describe('a file: address', () => {
  test('is unpacked into the cache, and stays where it is', async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, 'copy of cifar.tar.gz');
    await writeFile(file, ARCHIVE);
    const { options, cacheDir } = await setUp(pathToFileURL(file).href, { sha256: SHA256 });
    await expectComplete(await downloadCifar10(options), cacheDir);
    expect(existsSync(file)).toBe(true);
  });

  test('that leads to nothing or to a folder is named', async () => {
    const directory = await temporaryDirectory();
    const nothing = await setUp(pathToFileURL(join(directory, 'nothing')).href);
    expect(await failure(downloadCifar10(nothing.options))).toMatch(/from file:.*nothing: there is no such file/);
    await mkdir(join(directory, 'folder'));
    const folder = await setUp(pathToFileURL(join(directory, 'folder')).href);
    expect(await failure(downloadCifar10(folder.options))).toMatch(/EISDIR/);
  });
});
