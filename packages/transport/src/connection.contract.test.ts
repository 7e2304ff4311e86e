import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { closeCodes, type Codec, type Connection } from './connection.ts';
import { dial } from './dial.ts';
import { listen, type Listener } from './listen.ts';
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

async function listenHere(
  onConnection: (connection: Connection<string, string>) => void,
  maxConnections = 10,
): Promise<Listener> {
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    codec,
    maxMessageBytes: MAX_BYTES,
    maxConnections,
    onConnection,
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
    expect(error.message).toContain('401');
  });

  it('turns connections away beyond its limit', async () => {
    const connections: Connection<string, string>[] = [];
    const listener = await listenHere((connection) => connections.push(connection), 1);
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
