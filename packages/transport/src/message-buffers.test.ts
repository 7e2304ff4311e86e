import { afterEach, describe, expect, it } from 'vitest';
import type { Codec, Connection } from './connection.ts';
import { dial } from './dial.ts';
import { listen } from './listen.ts';

/** Messages as they lie in memory. */
const codec: Codec<Uint8Array, Uint8Array> = { encode: (bytes) => bytes, decode: (bytes) => bytes };
const LARGE = 3_000_001;

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function connect() {
  let accept: (connection: Connection<Uint8Array, Uint8Array>) => void;
  const accepted = new Promise<Connection<Uint8Array, Uint8Array>>((resolve) => (accept = resolve));
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    codec,
    maxMessageBytes: 2 * LARGE,
    maxConnections: 10,
    maxUnreadBytes: 10 * LARGE,
    onConnection(connection) {
      connection.admit();
      connection.expect(2 * LARGE);
      accept(connection);
    },
  });
  cleanUps.push(() => listener.close());
  const client = await dial<Uint8Array, Uint8Array>({
    url: `ws://127.0.0.1:${listener.port}`,
    codec,
    maxMessageBytes: 2 * LARGE,
    signal: new AbortController().signal,
    random: () => 0,
  });
  cleanUps.push(() => client.close(1000, ''));
  return { server: await accepted, client };
}

const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
const isFilled = (bytes: Uint8Array, value: number) => bytes.every((byte) => byte === value);

describe.each([
  ['a server', ({ server, client }: Awaited<ReturnType<typeof connect>>) => [client, server] as const],
  ['a client', ({ server, client }: Awaited<ReturnType<typeof connect>>) => [server, client] as const],
])('large messages to %s', (_, directionOf) => {
  it('arrive one after another in the same memory, each ending at a multiple of eight bytes', async () => {
    const [from, to] = directionOf(await connect());
    const messages = to[Symbol.asyncIterator]();
    const memory = new Set<ArrayBufferLike>();
    for (let i = 0; i < 10; i++) {
      from.send(filled(LARGE + i, i));
      const { value } = await messages.next();
      expect(value!.length).toBe(LARGE + i);
      expect(isFilled(value!, i)).toBe(true);
      expect((value!.byteOffset + value!.byteLength) % 8).toBe(0);
      memory.add(value!.buffer);
    }
    // The next message may be here before the last one is given back.
    expect(memory.size).toBeLessThanOrEqual(2);
  });

  it('are not overwritten while they wait to be read', async () => {
    const [from, to] = directionOf(await connect());
    for (let i = 0; i < 2; i++) from.send(filled(LARGE, i));
    // The close arrives after them all.
    from.close(1000, '');
    await to.closed;
    let next = 0;
    for await (const message of to) expect(isFilled(message, next++)).toBe(true);
    expect(next).toBe(2);
  });
});
