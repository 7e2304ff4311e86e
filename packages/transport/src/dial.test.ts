import dns, { type LookupAddress } from 'node:dns';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addressTimeoutMs, dial } from './dial.ts';

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

  it('gives each address of a name more time with each attempt: one that is far away is heard in the end', () => {
    expect([1, 2, 3, 4, 5, 6, 1_000].map(addressTimeoutMs)).toEqual([250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
  });
});
