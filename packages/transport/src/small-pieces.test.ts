import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { closeCodes, type Codec, type Connection } from './connection.ts';
import { dial } from './dial.ts';
import { listen } from './listen.ts';

const codec: Codec<Uint8Array, Uint8Array> = { encode: (bytes) => bytes, decode: (bytes) => Buffer.from(bytes) };
const MAX_BYTES = 1_000_000;

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A proxy that writes byte by byte, waiting for each to be read on its way. @returns its port. */
async function slowProxy(target: number): Promise<number> {
  const sockets = new Set<Socket>();
  const join = (from: Socket, to: Socket) => {
    sockets.add(from);
    to.setNoDelay(true);
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
    from.on('data', (chunk) => {
      for (const byte of chunk) to.write(Uint8Array.of(byte));
    });
  };
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    join(near, far);
    join(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

it('a peer behind a proxy that writes byte by byte is served, both ways', { timeout: 60_000 }, async () => {
  let accept!: (connection: Connection<Uint8Array, Uint8Array>) => void;
  const accepted = new Promise<Connection<Uint8Array, Uint8Array>>((resolve) => (accept = resolve));
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    codec,
    maxMessageBytes: MAX_BYTES,
    maxConnections: 2,
    onConnection(connection) {
      connection.admit();
      connection.expect(MAX_BYTES);
      accept(connection);
    },
  });
  cleanUps.push(() => listener.close());
  const client = await dial({
    url: `ws://127.0.0.1:${await slowProxy(listener.port)}`,
    codec,
    maxMessageBytes: MAX_BYTES,
    signal: new AbortController().signal,
    random: () => 0,
  });
  cleanUps.push(() => client.close(closeCodes.normal, ''));
  const server = await accepted;
  // More bytes than pieces that ws keeps, and less than is put together in a kept buffer.
  const sent = Buffer.from(Uint8Array.from({ length: 40_000 }, (_, i) => i * 31));
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.send(sent);
    const { value, done } = await to[Symbol.asyncIterator]().next();
    expect(done).toBe(false);
    expect(Buffer.compare(value as Uint8Array, sent)).toBe(0);
  }
});
