import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '@convoy/protocol/errors';
import { callJson, type CallOptions } from './call.ts';
import { closeCodes, type Codec } from './connection.ts';
import { dial } from './dial.ts';
import { DoorClient } from './door-client.ts';
import { listen, type ListenOptions } from './listen.ts';
import { answerJson, RouteTable } from './routes.ts';
import { selfSignedTls, tlsOfFiles, type ServerTls } from './server-tls.ts';
import { fingerprintText, parseFingerprint, serverTrust, type ServerTrust } from './server-trust.ts';
import { digestOfToken, newToken, TokenBook } from './tokens.ts';

const codec: Codec<string, string> = {
  encode: (text) => new TextEncoder().encode(text),
  decode: (bytes) => new TextDecoder().decode(bytes),
};
const folder = mkdtempSync(join(tmpdir(), 'convoy-tls-'));
const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pathOf = (name: string) => join(folder, name);
const operator = newToken('operator');
const worker = newToken('worker');
const tokens = new TokenBook([
  { role: 'operator', digest: digestOfToken(operator) },
  { role: 'worker', digest: digestOfToken(worker) },
]);

let tls: ServerTls;
let other: ServerTls;
beforeAll(async () => {
  tls = await selfSignedTls(pathOf('ours'));
  other = await selfSignedTls(pathOf('others'));
});

async function openDoor(options: Partial<ListenOptions<string, string>> = {}) {
  const refused: string[] = [];
  const heard: string[] = [];
  const listener = await listen({
    ...{ host: '127.0.0.1', port: 0, codec, maxMessageBytes: 1_000, maxConnections: 10, tls, tokens },
    routes: new RouteTable([
      { method: 'GET', path: '/v1/status', role: 'viewer', handle: (_, response) => answerJson(response, 200, 'fine') },
    ]),
    onConnection: (connection) => {
      void (async () => {
        for await (const text of connection) heard.push(text);
      })();
    },
    onRefused: (_, reason) => refused.push(reason),
    ...options,
  });
  cleanUps.push(() => listener.close());
  return { port: listener.port, refused, heard };
}

const pinned = ({ fingerprint }: ServerTls): ServerTrust => ({ fingerprint, ca: null });
const unlimited = new AbortController().signal;

const dialTo = (port: number, trust?: ServerTrust, scheme = 'wss') =>
  dial<string, string>({
    ...{ url: `${scheme}://127.0.0.1:${port}`, codec, maxMessageBytes: 1_000, signal: unlimited, random: () => 0 },
    token: () => worker,
    ...(trust === undefined ? {} : { trust }),
    onRetry(error) {
      throw error;
    },
  });

const ask = (port: number, more: Partial<CallOptions> = {}) =>
  callJson({ url: `https://127.0.0.1:${port}`, path: '/v1/status', role: 'viewer', token: operator, ...more });

describe('a self-signed certificate', () => {
  it('is kept, and its key is private', async () => {
    const again = await selfSignedTls(pathOf('ours'));
    expect(again.fingerprint).toBe(tls.fingerprint);
    expect(other.fingerprint).not.toBe(tls.fingerprint);
    expect(statSync(join(folder, 'ours', 'key.pem')).mode & 0o777).toBe(0o600);
  });

  it('is taken by a worker that pins it, and by an operator', async () => {
    const { port } = await openDoor();
    const connection = await dialTo(port, pinned(tls));
    connection.close(closeCodes.normal, '');
    expect(await ask(port, { trust: pinned(tls) })).toBe('fine');
  });

  it('that is another than the pinned one ends both for good, before they have shown their tokens', async () => {
    const { port, refused } = await openDoor({ tls: other, tokens: new TokenBook([]) });
    for (const attempt of [dialTo(port, pinned(tls)), ask(port, { trust: pinned(tls) })]) {
      await expect(attempt).rejects.toMatchObject({
        name: 'OperatorError',
        exitCode: exitCodes.rejected,
        message: expect.stringContaining(`another certificate (${fingerprintText(other.fingerprint)})`),
      });
    }
    // Not one request came.
    expect(refused).toEqual([]);
  });

  it('is not trusted by itself: the error says what to give', async () => {
    const { port } = await openDoor();
    for (const attempt of [dialTo(port), ask(port)]) {
      await expect(attempt).rejects.toMatchObject({
        exitCode: exitCodes.rejected,
        message: expect.stringMatching(/not trusted: it is self-signed .*--tls-fingerprint/),
      });
    }
  });
});

describe('a certificate of a private authority', () => {
  /** Files of a certificate for a name, signed by an authority of its own, and that authority's. */
  async function signed(name: string) {
    const [ca, mine] = [pathOf(`${name}.ca.pem`), { cert: pathOf(`${name}.pem`), key: pathOf(`${name}.key`) }];
    const authority = await generate([{ name: 'commonName', value: 'authority' }], {
      keyType: 'ec',
      algorithm: 'sha256',
      extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
    });
    const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
      keyType: 'ec',
      algorithm: 'sha256',
      ca: { key: authority.private, cert: authority.cert },
      extensions: [
        {
          name: 'subjectAltName',
          altNames: [name === 'local' ? { type: 7, ip: '127.0.0.1' } : { type: 2, value: name }],
        },
      ],
    });
    writeFileSync(ca, authority.cert);
    writeFileSync(mine.cert, cert);
    writeFileSync(mine.key, key);
    return { ca, ...mine };
  }

  it('is taken where the authority is given, and not without', async () => {
    const { ca, cert, key } = await signed('local');
    const { port } = await openDoor({ tls: tlsOfFiles(cert, key, () => {}) });
    expect(await ask(port, { trust: serverTrust(null, ca) })).toBe('fine');
    (await dialTo(port, serverTrust(null, ca))).close(closeCodes.normal, '');
    await expect(ask(port)).rejects.toThrow('its authority is not known here');
  });

  it('for another name is not taken', async () => {
    const { ca, cert, key } = await signed('elsewhere.example');
    const { port } = await openDoor({ tls: tlsOfFiles(cert, key, () => {}) });
    for (const attempt of [dialTo(port, serverTrust(null, ca)), ask(port, { trust: serverTrust(null, ca) })]) {
      await expect(attempt).rejects.toMatchObject({
        exitCode: exitCodes.rejected,
        message: expect.stringContaining('it is for another name'),
      });
    }
  });

  it('that was renewed is shown without a restart; files that do not fit together change nothing', async () => {
    const [cert, key] = [pathOf('renewed.pem'), pathOf('renewed.key')];
    const copy = (from: string) => {
      copyFileSync(join(folder, from, 'key.pem'), key);
      copyFileSync(join(folder, from, 'cert.pem'), cert);
    };
    copy('ours');
    let told!: (line: string) => void;
    const note = () => new Promise<string>((resolve) => (told = resolve));
    const files = tlsOfFiles(cert, key, (line) => told(line), 20);
    const { port } = await openDoor({ tls: files });
    expect(await ask(port, { trust: pinned(tls) })).toBe('fine');
    const broken = note();
    writeFileSync(cert, 'nonsense');
    expect(await broken).toContain('the certificate before it stays in use');
    expect(await ask(port, { trust: pinned(tls) })).toBe('fine');
    for (let renewed = note(); ; renewed = note()) {
      copy('others');
      // Seen between the two files, it does not fit yet.
      if ((await renewed).includes('has changed: the certificate is valid until')) break;
    }
    expect(await ask(port, { trust: pinned(other) })).toBe('fine');
    await expect(ask(port, { trust: pinned(tls) })).rejects.toThrow('another certificate');
  });

  it('whose key every user of the machine can read is told of', async () => {
    const { cert, key } = await signed('open');
    const notes: string[] = [];
    for (const mode of [0o600, 0o640, 0o644]) {
      chmodSync(key, mode);
      tlsOfFiles(cert, key, (line) => notes.push(line));
    }
    expect(notes).toEqual([`others can read ${key}, the key of the certificate: chmod o-rwx ${key}`]);
  });

  it('without its key, or with no certificate in the file, is told before anything is opened', () => {
    const [ours, others] = [join(folder, 'ours'), join(folder, 'others')];
    expect(() => tlsOfFiles(join(ours, 'cert.pem'), join(others, 'key.pem'), () => {})).toThrow(
      'no certificate with its key',
    );
    expect(() => tlsOfFiles(pathOf('nowhere.pem'), join(ours, 'key.pem'), () => {})).toThrow('no such file');
    expect(() => serverTrust(null, join(ours, 'key.pem'))).toThrow('has no certificate in PEM');
  });
});

describe('a port that speaks TLS', () => {
  /** All that comes back, until the other side ends it. */
  function answerTo(socket: Socket): Promise<string> {
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1'))).on('error', () => {});
    return new Promise((resolve) => socket.on('close', () => resolve(text)));
  }

  it('ends plain text at once, and the log says what it was', async () => {
    const { port, refused } = await openDoor();
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n');
    expect(await answerTo(socket)).not.toContain('200');
    expect(refused).toEqual(['refused: plain text, where TLS is spoken']);
  });

  it('is told from one that speaks plain text, by whoever calls it the wrong way', async () => {
    const secure = await openDoor();
    const plain = await openDoor({ tls: null });
    await expect(ask(secure.port, { url: `http://127.0.0.1:${secure.port}` })).rejects.toThrow('begins with https://');
    await expect(ask(plain.port)).rejects.toThrow('it does not speak TLS');
    await expect(dialTo(secure.port, undefined, 'ws')).rejects.toThrow('begins with wss://');
    await expect(dialTo(plain.port)).rejects.toThrow('it does not speak TLS');
    const fetching = (url: string) => new DoorClient({ url }).read('/v1/run', 1_000, new AbortController().signal);
    await expect(fetching(`ws://127.0.0.1:${secure.port}`)).rejects.toThrow('begins with wss://');
    await expect(fetching(`wss://127.0.0.1:${plain.port}`)).rejects.toThrow('it does not speak TLS');
  });

  it('ends a handshake that is never whole, silent or slow, in bounded time', async () => {
    const { port } = await openDoor();
    const silent = connect(port, '127.0.0.1');
    const slow = connect(port, '127.0.0.1');
    slow.write(Uint8Array.of(22, 3, 1));
    const dribble = setInterval(() => slow.write(Uint8Array.of(0)), 1_000);
    await Promise.all([silent, slow].map(answerTo));
    clearInterval(dribble);
  }, 60_000);

  it('carries messages of any size, and limits count what they say and not how it was encrypted', async () => {
    const { port, heard } = await openDoor({ maxMessageBytes: 60_000 });
    const connection = await dial<string, string>({
      ...{ url: `wss://127.0.0.1:${port}`, codec, maxMessageBytes: 60_000, signal: unlimited, random: () => 0 },
      ...{ token: () => worker, trust: pinned(tls) },
    });
    const texts = Array.from({ length: 20 }, (_, i) => 'x'.repeat(300 * i));
    for (const text of texts) connection.send(text);
    connection.close(closeCodes.normal, 'done');
    await connection.closed;
    expect(heard).toEqual(texts);
  });
});

it('a worker whose coordinator accepts and never answers the handshake tries again', async () => {
  const sockets: Socket[] = [];
  const mute = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
  const { port } = mute.address() as { port: number };
  await expect(dialTo(port, pinned(tls))).rejects.toThrow('no answer to the TLS handshake');
}, 60_000);

describe('a worker that is refused', () => {
  const dialWith = (
    port: number,
    token: string | null,
    onRetry: (error: Error, attempt: number, pauseMs: number) => void,
  ) =>
    dial<string, string>({
      ...{ url: `ws://127.0.0.1:${port}`, codec, maxMessageBytes: 1_000, signal: unlimited, random: () => 0 },
      ...{ token: () => token, onRetry },
    });
  const never = () => {
    throw new Error('it tries again');
  };

  it.each([
    ['without a token', null, '401: a token is needed'],
    ['with a wrong one', newToken('worker'), '401: the token is not valid here'],
    ["with an operator's", operator, "403: it takes a worker's token, and this is an operator's"],
  ])('%s ends for good, and is told what to do', async (_, token, words) => {
    const { port } = await openDoor({ tls: null });
    await expect(dialWith(port, token, never)).rejects.toMatchObject({
      exitCode: exitCodes.rejected,
      message: expect.stringMatching(new RegExp(`refuses this request \\(${words}.*set CONVOY_TOKEN`)),
    });
  });

  it('for the failures of its address waits as long as it is told to, and ends with a token that is wrong', async () => {
    const { port } = await openDoor({ tls: null });
    const wrong = newToken('worker');
    for (let i = 0; i < 10; i++) await dialWith(port, wrong, never).catch(() => {});
    const waits: number[] = [];
    const controller = new AbortController();
    const waiting = dial<string, string>({
      ...{ url: `ws://127.0.0.1:${port}`, codec, maxMessageBytes: 1_000, random: () => 0 },
      signal: controller.signal,
      token: () => wrong,
      onRetry: (_error, _attempt, pauseMs) => {
        waits.push(pauseMs);
        controller.abort(new Error('seen enough'));
      },
    });
    await expect(waiting).rejects.toThrow();
    expect(waits[0]).toBeGreaterThanOrEqual(1_000);
  });
});

it('a fingerprint is sha256 with 64 digits, however it is written', () => {
  const digits = 'ab'.repeat(32);
  const colons = digits.toUpperCase().replace(/(..)(?!$)/g, '$1:');
  expect([`sha256:${digits}`, `SHA256:${colons}`].map(parseFingerprint)).toEqual([digits, digits]);
  expect([digits, `sha256:${digits}0`, 'sha256:', `sha1:${digits}`].map(parseFingerprint)).toEqual(Array(4).fill(null));
  expect(parseFingerprint(fingerprintText(digits))).toBe(digits);
  expect(readFileSync(join(folder, 'ours', 'cert.pem'), 'utf8')).toContain('BEGIN CERTIFICATE');
});
