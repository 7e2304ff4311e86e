import dns, { type LookupAddress } from 'node:dns';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { addressTimeoutMs, dial } from './dial.ts';
import { DoorClient } from './door-client.ts';
import { connectionFault } from './server-trust.ts';

afterEach(() => vi.restoreAllMocks());

/** A port of the loopback on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('dial', () => {
  it('asks for the addresses of a name at each attempt, and tells why each of them failed', async () => {
    const port = await closedPort();
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((_name: string, _options: object, callback: (error: null, addresses: LookupAddress[]) => void) =>
      callback(null, [{ address: '127.0.0.1', family: 4 }, { address: '127.0.0.2', family: 4 }])) as never); // prettier-ignore
    const giveUp = new AbortController();
    const reasons: string[] = [];
    const dialling = dial({
      url: `ws://coordinator.test:${port}`,
      codec: { encode: () => new Uint8Array(), decode: () => '' },
      maxMessageBytes: 1,
      signal: giveUp.signal,
      random: () => 0,
      onRetry(error, attempt) {
        reasons.push(error.message);
        if (attempt === 2) giveUp.abort(new Error('enough'));
      },
    });
    await expect(dialling).rejects.toThrow('enough');
    const reason = `connect ECONNREFUSED 127.0.0.1:${port}, connect ECONNREFUSED 127.0.0.2:${port}`;
    expect(reasons).toEqual([reason, reason]);
    expect(lookup).toHaveBeenCalledTimes(2);
  });

  it('says where it is sent to, and so does a client of the same door', async () => {
    const proxy = createHttpServer((_request, response) => response.writeHead(301, { location: '/train/' }).end());
    proxy.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 301 Moved Permanently\r\nLocation: https://proxy.test/train/\r\nContent-Length: 0\r\n\r\n'),
    );
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void proxy.close());
    const url = `ws://127.0.0.1:${(proxy.address() as AddressInfo).port}/train`;
    const giveUp = new AbortController();
    let reason = '';
    const dialling = dial({
      ...{ url, codec: { encode: () => new Uint8Array(), decode: () => '' }, maxMessageBytes: 1, random: () => 0 },
      signal: giveUp.signal,
      onRetry(error) {
        reason = error.message;
        giveUp.abort(new Error('enough'));
      },
    });
    await expect(dialling).rejects.toThrow('enough');
    expect(reason).toBe('it answered 301: it sends to https://proxy.test/train/; give that address');
    const asking = new DoorClient({ url }).read('/v1/run', 100, new AbortController().signal);
    await expect(asking).rejects.toThrow('it sends to /train/; give that address');
  });

  it('names the port of a coordinator where the address has none', () => {
    const fault = (url: string) => connectionFault(new Error('refused'), url);
    for (const url of ['ws://host:80', 'wss://[::1]:443/train/', 'http://10.0.0.7:7311?'])
      expect(fault(url)).toBe('refused');
    expect(fault('ws://host')).toBe(
      "refused; an address without a port means port 80, and a coordinator's own is 7311",
    );
    expect(fault('wss://[fe80::1]/train/')).toContain('means port 443');
  });

  it('gives each address of a name more time with each attempt: one that is far away is heard in the end', () => {
    expect([1, 2, 3, 4, 5, 6, 1_000].map(addressTimeoutMs)).toEqual([250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
  });
});
