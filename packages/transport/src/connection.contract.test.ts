import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { closeCodes, type Codec, type Connection } from './connection.ts';
import { dial } from './dial.ts';
import { DEFAULT_INCOMING_LIMITS } from './incoming-limits.ts';
import { listen, type ListenOptions, type Listener } from './listen.ts';
import { memoryPair } from './memory.ts';

/** Strings as UTF-8, except that an exclamation mark is malformed. */
const codec: Codec<string, string> = {
  encode: (text) => new TextEncoder().encode(text),
  decode(bytes) {
    const text = new TextDecoder().decode(bytes);
    if (text.includes('!')) throw new Error('no shouting');
    return text;
  },
};

type Pair = readonly [server: Connection<string, string>, client: Connection<string, string>];

const MAX_BYTES = 1_000_000;
const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A listener whose peers are all known, unless they are to stay strangers. */
async function listenHere(
  onConnection: (connection: Connection<string, string>) => void,
  limits: Partial<ListenOptions<string, string>> & { readonly strangers?: boolean } = {},
): Promise<Listener> {
  const { strangers = false, ...options } = limits;
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    codec,
    maxMessageBytes: MAX_BYTES,
    maxConnections: 10,
    onConnection(connection) {
      if (!strangers) {
        connection.admit();
        connection.expect(MAX_BYTES);
      }
      onConnection(connection);
    },
    ...options,
  });
  cleanUps.push(() => listener.close());
  return listener;
}

function dialTo(port: number, signal = new AbortController().signal) {
  return dial<string, string>({
    url: `ws://127.0.0.1:${port}`,
    codec,
    maxMessageBytes: MAX_BYTES,
    signal,
    random: () => 0,
  });
}

async function socketPair(): Promise<Pair> {
  const accepted = deferred<Connection<string, string>>();
  const listener = await listenHere((connection) => accepted.resolve(connection));
  const client = await dialTo(listener.port);
  cleanUps.push(() => client.close(closeCodes.normal, ''));
  return [await accepted.promise, client];
}

async function collect(connection: Connection<string, string>, count: number): Promise<string[]> {
  const messages: string[] = [];
  for await (const message of connection) if (messages.push(message) === count) break;
  return messages;
}

describe.each([
  ['memory', () => Promise.resolve(memoryPair(codec, codec) as Pair)],
  ['a WebSocket', socketPair],
])('a connection over %s', (_, connect) => {
  it('delivers messages whole and in order, both ways', async () => {
    const [server, client] = await connect();
    const texts = Array.from({ length: 50 }, (_, i) => `${i}-${'x'.repeat(i * 1000)}`);
    for (const text of texts) client.send(text);
    server.send('hello');
    expect(await collect(server, texts.length)).toEqual(texts);
    expect(await collect(client, 1)).toEqual(['hello']);
  });

  it('counts bytes at both ends alike', async () => {
    const [server, client] = await connect();
    client.send('12345');
    await collect(server, 1);
    expect(client.bytesSent).toBe(5);
    expect(server.bytesReceived).toBe(5);
  });

  it('delivers what was sent before a close, then ends the iteration and says why', async () => {
    const [server, client] = await connect();
    client.send('last words');
    client.close(closeCodes.normal, 'goodbye');
    expect(await collect(server, 99)).toEqual(['last words']);
    expect(await server.closed).toEqual({ code: closeCodes.normal, reason: 'goodbye' });
    expect(await client.closed).toEqual({ code: closeCodes.normal, reason: 'goodbye' });
  });

  it('closes with the reason when a message is malformed, and reads nothing after it', async () => {
    const [server, client] = await connect();
    client.send('fine');
    client.send('HEY!');
    client.send('never read');
    expect(await collect(server, 99)).toEqual(['fine']);
    expect(await server.closed).toEqual({ code: closeCodes.malformed, reason: 'no shouting' });
    expect((await client.closed).code).toBe(closeCodes.malformed);
  });

  it('ignores sends after the end', async () => {
    const [server, client] = await connect();
    server.close(closeCodes.goingAway, 'stopping');
    await client.closed;
    client.send('into the void');
    expect(await collect(client, 99)).toEqual([]);
  });

  it('cuts a long reason instead of failing to close', async () => {
    const [server, client] = await connect();
    server.close(closeCodes.rejected, 'ä'.repeat(500));
    expect((await client.closed).code).toBe(closeCodes.rejected);
  });

  it('sends encoded bytes as they are at the moment of the call', async () => {
    const [server, client] = await connect();
    const bytes = codec.encode('same');
    server.sendEncoded(bytes);
    server.sendEncoded(bytes);
    expect(await collect(client, 2)).toEqual(['same', 'same']);
  });
});

describe('listen', () => {
  it('closes a connection whose message is larger than any valid one, before it is read', async () => {
    const [server, client] = await socketPair();
    client.send('x'.repeat(MAX_BYTES + 1));
    expect(await collect(server, 99)).toEqual([]);
    expect((await client.closed).code).toBe(closeCodes.tooLarge);
  });

  it('refuses text frames', async () => {
    const accepted = deferred<Connection<string, string>>();
    const listener = await listenHere((connection) => accepted.resolve(connection));
    const socket = new WebSocket(`ws://127.0.0.1:${listener.port}`);
    socket.on('open', () => socket.send('text'));
    const code = await new Promise<number>((resolve) => socket.on('close', resolve));
    expect(code).toBe(closeCodes.malformed);
    expect((await (await accepted.promise).closed).reason).toContain('binary');
  });

  it('refuses a page in a browser, which names its origin', async () => {
    const { port } = await listenHere(() => {});
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { origin: 'http://example.com' });
    const error = await new Promise<Error>((resolve) => socket.on('error', resolve));
    expect(error.message).toContain('403');
  });

  it('turns connections away beyond its limit', async () => {
    const connections: Connection<string, string>[] = [];
    const listener = await listenHere((connection) => connections.push(connection), { maxConnections: 1 });
    await dialTo(listener.port);
    const second = await dialTo(listener.port);
    expect((await second.closed).code).toBe(closeCodes.full);
    expect(connections).toHaveLength(1);
  });

  it('says which port is busy and what to change', async () => {
    const { port } = await listenHere(() => {});
    const again = listen({
      host: '127.0.0.1',
      port,
      codec,
      maxMessageBytes: 1,
      maxConnections: 1,
      onConnection: () => {},
    });
    await expect(again).rejects.toThrow(`port ${port} on 127.0.0.1 is in use: choose another with --port`);
  });

  it('says when the machine has no such address', async () => {
    const elsewhere = listen({
      host: '192.0.2.1',
      port: 0,
      codec,
      maxMessageBytes: 1,
      maxConnections: 1,
      onConnection: () => {},
    });
    await expect(elsewhere).rejects.toThrow('this machine has no address 192.0.2.1');
  });

  it('answers a browser in words', async () => {
    const { port } = await listenHere(() => {});
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(response.status).toBe(426);
    expect(await response.text()).toContain('WebSocket');
  });
});

describe('a stranger', () => {
  const limits = { strangerBytes: 4_000, smallMessageBytes: 1_000, burst: 50, perSecond: 1 };

  /** A connection that is not admitted, and the code and the reason with which it ends. */
  async function stranger(options: Partial<ListenOptions<string, string>>) {
    const accepted = deferred<Connection<string, string>>();
    const { port } = await listenHere((connection) => accepted.resolve(connection), { strangers: true, ...options });
    const client = await dialTo(port);
    const server = await accepted.promise;
    return { port, client, server };
  }

  it('may send little until it is admitted, in whole messages or in parts of one', async () => {
    for (const text of ['x'.repeat(500), 'x'.repeat(MAX_BYTES)]) {
      const { client, server } = await stranger({ incoming: limits });
      for (let sent = 0; sent <= 4_000; sent += text.length) client.send(text);
      expect(await client.closed).toMatchObject({ code: closeCodes.tooLarge });
      expect(await server.closed).toMatchObject({ code: closeCodes.tooLarge });
    }
  });

  it('that was admitted may send a large message only where one is expected', async () => {
    const { client, server } = await stranger({ incoming: limits });
    server.admit();
    server.expect(MAX_BYTES);
    client.send('x'.repeat(MAX_BYTES));
    expect(await collect(server, 1)).toHaveLength(1);
    server.expect(0);
    client.send('x'.repeat(MAX_BYTES));
    expect(await client.closed).toMatchObject({ code: closeCodes.tooLarge });
    expect(server.bytesReceived).toBe(MAX_BYTES);
  });

  it('that floods is closed, and what it sends from then on is not kept', async () => {
    const { client, server } = await stranger({ incoming: limits });
    for (let i = 0; i < 500; i++) client.send('.');
    expect(await client.closed).toMatchObject({ code: closeCodes.flooding });
    expect(server.bytesReceived).toBeLessThanOrEqual(51);
  });

  it('that says nothing makes room for the next; one that has spoken stays', async () => {
    const { port, client: talker, server: known } = await stranger({ maxStrangers: 2 });
    talker.send('hello');
    expect(await collect(known, 1)).toEqual(['hello']);
    const silent = await dialTo(port);
    const next = await dialTo(port);
    expect(await silent.closed).toMatchObject({ code: closeCodes.full });
    next.send('hello');
    talker.send('still here');
    expect(await collect(known, 1)).toEqual(['still here']);
  });

  it('makes room for the next also when it has spoken; those that were admitted do not count', async () => {
    const { port, client, server } = await stranger({ maxStrangers: 1 });
    client.send('hello');
    expect(await collect(server, 1)).toEqual(['hello']);
    const next = await dialTo(port);
    expect(await client.closed).toMatchObject({ code: closeCodes.full });
    next.close(closeCodes.normal, 'done');
    expect(await next.closed).toMatchObject({ code: closeCodes.normal });

    const other = await stranger({ maxStrangers: 1 });
    other.server.admit();
    other.client.send('hello');
    const welcome = await dialTo(other.port);
    welcome.close(closeCodes.normal, 'done');
    expect(await welcome.closed).toMatchObject({ code: closeCodes.normal });
    expect(await collect(other.server, 1)).toEqual(['hello']);
  });
});

describe('a ping', () => {
  it('is answered, and a flood of them closes the connection', async () => {
    const { port } = await listenHere(() => {});
    const peer = new WebSocket(`ws://127.0.0.1:${port}`);
    await new Promise((resolve) => peer.once('open', resolve));
    peer.ping('here?');
    expect(String(await new Promise((resolve) => peer.once('pong', resolve)))).toBe('here?');
    for (let i = 0; i < 10_000; i++) peer.ping();
    // For what it sends, or, where it is too busy to read the answers, for what it leaves unread.
    const code = await new Promise((resolve) => peer.once('close', resolve));
    expect([closeCodes.flooding, closeCodes.unread]).toContain(code);
  });
});

describe('a peer that does not read', () => {
  async function deafPeer() {
    const accepted = deferred<Connection<string, string>>();
    const { port } = await listenHere((connection) => accepted.resolve(connection));
    const peer = new WebSocket(`ws://127.0.0.1:${port}`);
    await new Promise((resolve) => peer.once('open', resolve));
    peer.pause();
    cleanUps.push(() => peer.terminate());
    return { peer, server: await accepted.promise };
  }

  it('is closed when it leaves more than a message and 1 MiB unread', async () => {
    const { server } = await deafPeer();
    const bytes = codec.encode('x'.repeat(MAX_BYTES));
    let mostBuffered = 0;
    for (let i = 0; i < 100; i++) {
      server.sendEncoded(bytes);
      mostBuffered = Math.max(mostBuffered, server.bufferedBytes);
    }
    expect(await server.closed).toMatchObject({ code: closeCodes.unread });
    expect(mostBuffered).toBeLessThan(MAX_BYTES + 1024 * 1024 + 1_000);
  });

  it('is closed when it leaves a thousand small messages unread', async () => {
    const { server } = await deafPeer();
    for (let i = 0; i < 10_000; i++) server.send('alive');
    expect(await server.closed).toMatchObject({ code: closeCodes.unread });
    expect(server.bytesSent).toBe(1_024 * 5);
  });
});

describe('bytes that are not what they should be', () => {
  const upgrade = [
    'GET / HTTP/1.1',
    'Host: here',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${'A'.repeat(22)}==`,
  ];

  /** Sends bytes over a socket of its own. @returns all that comes back until the other side ends it. */
  async function answerTo(port: number, pieces: readonly (string | Uint8Array)[]): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    for (const piece of pieces) socket.write(piece);
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    await new Promise((resolve) => socket.on('end', resolve).on('error', resolve));
    socket.destroy();
    return answer;
  }

  it.each([
    ['no HTTP', ['\0\x01\x02 hello\r\n\r\n'], 400],
    ['an upgrade without a key', [`${upgrade.slice(0, 5).join('\r\n')}\r\n\r\n`], 400],
    ['headers without end', [...upgrade, ...Array.from({ length: 2_000 }, (_, i) => `X-${i}: ${i}`)], 431],
    ['a body that is never whole', ['POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000000\r\n\r\nx'], 426],
  ])(
    'before the upgrade are answered in HTTP: %s',
    async (_, lines, status) => {
      const { port } = await listenHere(() => {});
      const answer = await answerTo(port, [lines.join('\r\n')]);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    },
    20_000,
  );

  it.each([
    ['a frame with bits that mean nothing', Uint8Array.of(0xf2, 0x80, 0, 0, 0, 0), closeCodes.notWebSocket],
    ['a frame without a mask', Uint8Array.of(0x82, 1, 0), closeCodes.notWebSocket],
    ['a kind of frame that there is not', Uint8Array.of(0x83, 0x80, 0, 0, 0, 0), closeCodes.notWebSocket],
    ['a close frame that is not UTF-8', Uint8Array.of(0x88, 0x83, 0, 0, 0, 0, 3, 232, 0xff), closeCodes.notUtf8],
    [
      'a frame of more bytes than there are',
      Uint8Array.of(0x82, 0xff, 0, 0x1f, 255, 255, 255, 255, 255, 255),
      closeCodes.tooLarge,
    ],
    [
      'a message in a million pieces',
      Buffer.concat([
        Uint8Array.of(0x02, 0x80, 0, 0, 0, 0),
        Buffer.alloc(9_000 * 6, Uint8Array.of(0, 0x80, 0, 0, 0, 0)),
      ]),
      closeCodes.shredded,
    ],
  ])('after the upgrade close the connection with a code at both ends: %s', async (_, bytes, code) => {
    const accepted = deferred<Connection<string, string>>();
    const { port } = await listenHere((connection) => accepted.resolve(connection));
    const answer = await answerTo(port, [`${upgrade.join('\r\n')}\r\n\r\n`, bytes]);
    const frame = Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4), 'latin1');
    expect(frame[0]).toBe(0x88);
    expect(frame.readUInt16BE(2)).toBe(code);
    expect((await (await accepted.promise).closed).code).toBe(code);
  });

  it('are not shown to the operator: control characters in a reason are replaced', async () => {
    const accepted = deferred<Connection<string, string>>();
    const { port } = await listenHere((connection) => accepted.resolve(connection));
    const peer = new WebSocket(`ws://127.0.0.1:${port}`);
    peer.on('open', () => peer.close(4999, '\x1b[2Jgone\n'));
    expect(await (await accepted.promise).closed).toEqual({ code: 4999, reason: '\uFFFD[2Jgone\uFFFD' });
  });
});

it('a peer that only answers what it is asked is never one that sends too much', async () => {
  const accepted = deferred<Connection<string, string>>();
  const incoming = { ...DEFAULT_INCOMING_LIMITS, burst: 3, perSecond: 1e-3 };
  const { port } = await listenHere((connection) => accepted.resolve(connection), { incoming });
  const client = await dialTo(port);
  cleanUps.push(() => client.close(closeCodes.normal, ''));
  const server = await accepted.promise;
  const answers = server[Symbol.asyncIterator]();
  for (let i = 0; i < 50; i++) {
    client.send(`answer ${i}`);
    expect(await answers.next()).toEqual({ done: false, value: `answer ${i}` });
    server.excuse();
  }
  for (let i = 0; i < 4; i++) client.send('unasked');
  expect((await client.closed).code).toBe(closeCodes.flooding);
});

describe('dial', () => {
  it('tries again until somebody listens', async () => {
    const probe = await listenHere(() => {});
    await probe.close();
    const retried = deferred<void>();
    const client = dial<string, string>({
      url: `ws://127.0.0.1:${probe.port}`,
      codec,
      maxMessageBytes: MAX_BYTES,
      signal: new AbortController().signal,
      random: () => 0.1,
      onRetry: () => retried.resolve(),
    });
    await retried.promise;
    const listener = await listen({
      host: '127.0.0.1',
      port: probe.port,
      codec,
      maxMessageBytes: MAX_BYTES,
      maxConnections: 1,
      onConnection: () => {},
    });
    cleanUps.push(() => listener.close());
    const connection = await client;
    connection.close(closeCodes.normal, '');
  });

  it('gives up when it is told to', async () => {
    const probe = await listenHere(() => {});
    await probe.close();
    const controller = new AbortController();
    const client = dial<string, string>({
      url: `ws://127.0.0.1:${probe.port}`,
      codec,
      maxMessageBytes: MAX_BYTES,
      signal: controller.signal,
      random: () => 1,
      onRetry: () => controller.abort(new Error('enough')),
    });
    await expect(client).rejects.toThrow();
  });
});

/** Promise.withResolvers, which Node 20 lacks. */
function deferred<Value>() {
  let resolve!: (value: Value) => void;
  const promise = new Promise<Value>((settle) => (resolve = settle));
  return { promise, resolve };
}
