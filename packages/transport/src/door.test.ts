import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { closeCodes, type Codec, type Connection } from './connection.ts';
import { listen, type ListenOptions } from './listen.ts';
import { answerJson, answerText, readJson, RouteTable, type Route } from './routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { digestOfToken, newToken, ROLES, TokenBook, type KnownToken, type Role } from './tokens.ts';

const codec: Codec<string, string> = {
  encode: (text) => new TextEncoder().encode(text),
  decode: (bytes) => new TextDecoder().decode(bytes),
};
const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const routes: readonly Route[] = [
  { method: 'GET', path: '/healthz', role: null, handle: (_, response) => answerText(response, 200, 'ok') },
  {
    method: 'GET',
    path: '/v1/status',
    role: 'viewer',
    handle: (_, response) => answerJson(response, 200, { step: 7 }),
  },
  {
    method: 'POST',
    path: '/v1/drain',
    role: 'operator',
    handle: async (request, response) => answerJson(response, 200, (await readJson(request)) ?? 'no JSON'),
  },
  {
    method: 'GET',
    path: '/v1/data/',
    role: 'worker',
    handle: (_, response, { rest }) => answerText(response, 200, rest),
  },
  {
    method: 'GET',
    path: '/v1/fault',
    role: 'viewer',
    handle: () => {
      throw new Error('a secret of ours');
    },
  },
];

type Options = Partial<ListenOptions<string, string>>;

async function openDoor(options: Options = {}) {
  const connections: Connection<string, string>[] = [];
  const refused: string[] = [];
  const faults: unknown[] = [];
  const listener = await listen({
    ...{ host: '127.0.0.1', port: 0, codec, maxMessageBytes: 1_000, maxConnections: 10 },
    routes: new RouteTable(routes, (error) => faults.push(error)),
    onConnection: (connection) => connections.push(connection),
    onRefused: (_, reason) => refused.push(reason),
    ...options,
  });
  cleanUps.push(() => listener.close());
  const url = `http://127.0.0.1:${listener.port}`;
  const ask = (path: string, token?: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, headers: { ...init.headers, ...(token === undefined ? {} : bearer(token)) } });
  return { ...listener, url, ask, connections, refused, faults };
}

const json = { 'content-type': 'application/json' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A token of each role, and the book that knows them. */
function tokens() {
  const entries = ROLES.map((role): readonly [Role, string] => [role, newToken(role)]);
  const known = entries.map(([role, token]): KnownToken => ({ role, digest: digestOfToken(token) }));
  return { ...(Object.fromEntries(entries) as Record<Role, string>), book: new TokenBook(known) };
}

/** The status with which an upgrade is answered: 101 when it was made. */
async function upgradeStatus(port: number, headers: Record<string, string> = {}): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers });
  socket.on('error', () => {});
  cleanUps.push(() => socket.terminate());
  return new Promise((resolve) => {
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode!));
  });
}

describe('a route', () => {
  it('answers its method and path, behind any prefix', async () => {
    const { ask } = await openDoor();
    for (const prefix of ['', '/convoy', '/a/b']) {
      expect(await (await ask(`${prefix}/healthz`)).text()).toBe('ok\n');
      expect(await (await ask(`${prefix}/v1/status`)).json()).toEqual({ step: 7 });
      expect(await (await ask(`${prefix}/v1/data/part%20one/healthz`)).text()).toBe('part one/healthz\n');
    }
  });

  it('takes HEAD for GET, and names the methods that it takes', async () => {
    const { ask } = await openDoor();
    const head = await ask('/healthz', undefined, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const get = await ask('/v1/drain');
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('is given a body as JSON when it is small and is any', async () => {
    const { ask } = await openDoor();
    const bodies = ['{"rank":3}', '{', `"${'x'.repeat(10_000)}"`];
    const answers = await Promise.all(
      bodies.map(async (body) => (await ask('/v1/drain', undefined, { method: 'POST', body })).json()),
    );
    expect(answers).toEqual([{ rank: 3 }, 'no JSON', 'no JSON']);
  });

  it('that throws is a 500, which tells the peer nothing', async () => {
    const { ask, faults } = await openDoor();
    const response = await ask('/v1/fault');
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining('secret')]);
    expect(faults).toEqual([new Error('a secret of ours')]);
  });

  it('that does not exist is told from a worker that has lost its way', async () => {
    const { ask } = await openDoor();
    for (const path of ['/', '/v1', '/v1/status/x', '/%zz']) expect((await ask(path)).status).toBe(426);
  });
});

describe('with tokens', () => {
  it('each role may do what is its own: an operator also what a viewer may, and anybody may ask after the health', async () => {
    const { book, ...token } = tokens();
    const { ask, port } = await openDoor({ tokens: book });
    const post = { method: 'POST', body: '{}' };
    const asked = async (bearer: string | undefined) => [
      (await ask('/healthz', bearer)).status,
      (await ask('/v1/status', bearer)).status,
      (await ask('/v1/drain', bearer, post)).status,
      (await ask('/v1/data/x', bearer)).status,
      await upgradeStatus(port, bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    ];
    expect(await asked(undefined)).toEqual([200, 401, 401, 401, 401]);
    expect(await asked(token.worker)).toEqual([200, 403, 403, 200, 101]);
    expect(await asked(token.viewer)).toEqual([200, 200, 403, 403, 403]);
    expect(await asked(token.operator)).toEqual([200, 200, 200, 403, 403]);
  });

  it('a refused upgrade is told why, and no connection is made of it', async () => {
    const { book, viewer } = tokens();
    const { port, connections, refused } = await openDoor({ tokens: book });
    expect(await upgradeStatus(port)).toBe(401);
    expect(await upgradeStatus(port, bearer(viewer))).toBe(403);
    expect(connections).toEqual([]);
    expect(refused).toEqual([
      'refused (401): a token is needed',
      "refused (403): it takes a worker's token, and this is a viewer's",
    ]);
  });

  it('an address that fails again and again is told to wait; a valid token from there is taken all the same', async () => {
    const { book, viewer } = tokens();
    const { ask } = await openDoor({ tokens: book });
    const wrong = newToken('viewer');
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push((await ask('/v1/status', wrong)).status);
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429]);
    const waiting = await ask('/v1/status', wrong);
    expect(Number(waiting.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ask('/v1/status', viewer)).status).toBe(200);
  });

  it('what is no token is refused, however long it is', async () => {
    const { book, worker } = tokens();
    const { ask } = await openDoor({ tokens: book });
    const texts = [
      `Basic ${worker}`,
      'Bearer',
      `Bearer ${'x'.repeat(8_000)}`,
      `Bearer ${worker}x`,
      `Bearer ${worker} y`,
    ];
    for (const authorization of texts) {
      expect((await ask('/v1/data/x', undefined, { headers: { authorization } })).status).toBe(401);
    }
  });

  it('misconduct belongs to the address and the token', async () => {
    const { book, worker } = tokens();
    const { port, connections } = await openDoor({ tokens: book });
    await upgradeStatus(port, bearer(worker));
    const [head] = digestOfToken(worker).toString('hex').match(/^.{8}/)!;
    expect(connections.map(({ origin }) => origin)).toEqual([`127.0.0.1 (worker ${head})`]);
  });

  it('a connection ends when its token is taken away; the others stay', async () => {
    const { book, worker } = tokens();
    const next = newToken('worker');
    const known = { role: 'worker', digest: digestOfToken(next) } as const;
    book.replace([...book.tokens, known]);
    const { port, connections } = await openDoor({ tokens: book });
    await upgradeStatus(port, bearer(worker));
    await upgradeStatus(port, bearer(next));
    const [old, fresh] = connections;
    book.replace([known]);
    expect(await old!.closed).toEqual({ code: closeCodes.goingAway, reason: 'its token is not valid any more' });
    fresh!.send('still here');
    expect(fresh!.bytesSent).toBeGreaterThan(0);
    expect(await upgradeStatus(port, bearer(worker))).toBe(401);
  });
});

/** The answer to a viewer's request that names the door so. */
async function statusAt(
  port: number,
  host: string,
  { headers = {}, ...options }: { path?: string; method?: string; headers?: Record<string, string> } = {},
): Promise<number> {
  const { request } = await import('node:http');
  return new Promise((resolve) => {
    request({ port, host: '127.0.0.1', path: '/v1/status', ...options, headers: { host, ...headers } }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    }).end();
  });
}

describe('a page in a browser', () => {
  it('of another origin may not ask, with a token either; the door may let its own pages in', async () => {
    const { book, viewer } = tokens();
    const { ask, url } = await openDoor({ tokens: book });
    const statusFrom = async (origin: string) => (await ask('/v1/status', viewer, { headers: { origin } })).status;
    expect([await statusFrom('http://example.com'), await statusFrom('null'), await statusFrom(url)]).toEqual([
      403, 403, 200,
    ]);
  });

  it('of the door itself may watch and steer where there are no tokens, and not compute', async () => {
    const { ask, url } = await openDoor();
    const statusFrom = async (origin: string, path: string, method: string) =>
      (await ask(path, undefined, { method, headers: { origin, ...json } })).status;
    expect(await statusFrom(url, '/v1/status', 'GET')).toBe(200);
    expect(await statusFrom('http://127.0.0.1:1', '/v1/status', 'GET')).toBe(403);
    expect(await statusFrom(url, '/v1/drain', 'POST')).toBe(200);
    expect(await statusFrom(url, '/v1/data/x', 'GET')).toBe(403);
  });

  it('of another site can have the browser send nothing that steers, with or without tokens', async () => {
    const { book, worker } = tokens();
    for (const options of [{}, { tokens: book, isOpenHere: true }]) {
      const { ask, url, port } = await openDoor(options);
      const drain = async (headers: Record<string, string>, body = '{"rank":0}') =>
        (await ask('/v1/drain', undefined, { method: 'POST', headers, body })).status;
      expect(await drain({ origin: url, ...json, 'sec-fetch-site': 'same-origin' })).toBe(200);
      // What forms, scripts and images of other pages send, and of pages whose name was made to point here.
      expect(await drain({ origin: 'http://evil.example', ...json })).toBe(403);
      expect(await drain({ origin: 'null', 'content-type': 'text/plain' })).toBe(403);
      expect(await drain({ origin: `http://127.0.0.1:${port + 1}`, ...json, 'sec-fetch-site': 'same-site' })).toBe(403);
      expect(await drain({ origin: url, ...json, 'sec-fetch-site': 'cross-site' })).toBe(403);
      expect(await drain({ ...json, 'sec-fetch-site': 'cross-site' })).toBe(403);
      expect(await drain({ origin: url, 'content-type': 'text/plain' })).toBe(403);
      expect(await drain({ origin: url, 'content-type': 'application/x-www-form-urlencoded' }, 'rank=0')).toBe(403);
      const rebound = await statusAt(port, `evil.example:${port}`, {
        method: 'POST',
        path: '/v1/drain',
        headers: { origin: `http://evil.example:${port}`, ...json },
      });
      expect(rebound).toBe(403);
      if (options.tokens !== undefined) {
        expect((await ask('/v1/drain', worker, { method: 'POST' })).status).toBe(403);
      }
    }
  });

  it('whose name was made to point to this machine gets nothing where there are no tokens', async () => {
    const { port } = await openDoor();
    const hosts = ['evil.example', `evil.example:${port}`, `127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`];
    expect(await Promise.all(hosts.map((host) => statusAt(port, host)))).toEqual([403, 403, 200, 200, 200]);
    expect(await upgradeStatus(port, { origin: `http://127.0.0.1:${port}` })).toBe(403);
  });

  it('needs no token on a door that is open to this machine, except to compute', async () => {
    const { book, worker } = tokens();
    const { ask, port, url } = await openDoor({ tokens: book, isOpenHere: true });
    expect((await ask('/v1/status')).status).toBe(200);
    expect((await ask('/v1/status', undefined, { headers: { origin: url } })).status).toBe(200);
    expect((await ask('/v1/status', newToken('viewer'))).status).toBe(401);
    expect((await ask('/v1/status', worker)).status).toBe(403);
    expect((await ask('/v1/drain', undefined, { method: 'POST' })).status).toBe(200);
    expect((await ask('/v1/data/x')).status).toBe(401);
    expect([await statusAt(port, 'evil.example'), await statusAt(port, `localhost:${port}`)]).toEqual([403, 200]);
    expect(await upgradeStatus(port)).toBe(401);
  });
});

describe('a link for a browser', () => {
  const watch = async () => {
    const { book, ...token } = tokens();
    const door = await openDoor({ tokens: book, routes: new RouteTable([...sessionRoutes, ...routes]) });
    const link = async (role: Role, steer = false) =>
      (await door.ask('/v1/link', token[role], { method: 'POST', body: JSON.stringify({ steer }) })).json();
    const redeem = (secret: unknown, headers: Record<string, string> = {}) =>
      door.ask('/v1/session', undefined, { method: 'POST', body: JSON.stringify({ secret }), headers });
    return { ...door, book, token, link, redeem };
  };

  it('lets in one browser, once, to watch and to do nothing else; its cookie ends with the token', async () => {
    const { ask, link, redeem, book, token, url } = await watch();
    const { secret } = (await link('viewer')) as { secret: string };
    expect((await redeem(secret, { origin: 'http://example.com' })).status).toBe(403);
    const first = await redeem(secret, { origin: url });
    expect(first.status).toBe(200);
    const [set] = first.headers.getSetCookie();
    expect(set).toMatch(/^convoy_[0-9a-f]{16}=\d+\.[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200$/);
    const cookie = set!.split(';')[0]!;
    expect((await redeem(secret)).status).toBe(401);
    const status = async (path: string, method = 'GET', headers: Record<string, string> = {}) =>
      (await ask(path, undefined, { method, headers: { cookie, ...headers } })).status;
    expect(await status('/v1/status')).toBe(200);
    expect(await status('/v1/status', 'GET', { origin: 'http://example.com' })).toBe(403);
    expect(await status('/v1/drain', 'POST', { origin: url, ...json })).toBe(403);
    expect(await status('/v1/link', 'POST', { origin: url, ...json })).toBe(403);
    expect(await status('/v1/data/x')).toBe(401);
    book.replace(book.tokens.filter(({ digest }) => !digest.equals(digestOfToken(token.viewer))));
    expect(await status('/v1/status')).toBe(401);
  });

  it("is made by viewers and operators, and an operator's does not steer by itself either", async () => {
    const { ask, link, redeem, token, url } = await watch();
    expect((await ask('/v1/link', token.worker, { method: 'POST' })).status).toBe(403);
    expect((await ask('/v1/link', undefined, { method: 'POST' })).status).toBe(401);
    const { secret } = (await link('operator')) as { secret: string };
    const [set] = (await redeem(secret)).headers.getSetCookie();
    const headers = { cookie: set!.split(';')[0]! };
    expect((await ask('/v1/status', undefined, { headers })).status).toBe(200);
    const drain = { method: 'POST', headers: { ...headers, origin: url, ...json } };
    expect((await ask('/v1/drain', undefined, drain)).status).toBe(403);
  });

  it("lets a browser steer when an operator's token made it to steer, from its own pages alone", async () => {
    const { ask, link, redeem, token, url } = await watch();
    const refused = await ask('/v1/link', token.viewer, { method: 'POST', body: '{"steer":true}' });
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining("operator's token")]);
    const { secret } = (await link('operator', true)) as { secret: string };
    const first = await redeem(secret);
    expect((await redeem(secret)).status).toBe(401);
    const set = first.headers.getSetCookie();
    for (const each of set) expect(each).toContain('; HttpOnly; SameSite=Strict; Path=/; ');
    expect(set.map((each) => /Max-Age=(\d+)/.exec(each)![1])).toEqual(['43200', '3600']);
    const cookie = set.map((each) => each.split(';')[0]!).join('; ');
    const drain = async (headers: Record<string, string>) =>
      (await ask('/v1/drain', undefined, { method: 'POST', body: '{}', headers: { cookie, ...headers } })).status;
    expect(await drain({ origin: url, ...json, 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await drain(json)).toBe(403);
    expect(await drain({ origin: 'http://evil.example', ...json })).toBe(403);
    expect(await drain({ origin: url, 'content-type': 'text/plain' })).toBe(403);
    expect(await drain({ origin: url, ...json, 'sec-fetch-site': 'cross-site' })).toBe(403);
    // It lets in no other browser, and none for longer.
    const more = await ask('/v1/link', undefined, { method: 'POST', headers: { cookie, origin: url, ...json } });
    expect(more.status).toBe(403);
  });

  it('is no link when it is none, and is not needed where there are no tokens', async () => {
    const { redeem } = await watch();
    for (const secret of ['', 'x'.repeat(43), 7, null]) expect((await redeem(secret)).status).toBe(401);
    const { ask } = await openDoor({ routes: new RouteTable(sessionRoutes) });
    expect(await (await ask('/v1/link', undefined, { method: 'POST' })).json()).toEqual({ secret: null });
  });
});

describe('the root of a door', () => {
  it('is an address like any other, behind any prefix, and takes nothing from the others', async () => {
    const root: Route = {
      ...{ method: 'GET', path: '/', role: null },
      handle: (_, response) => answerText(response, 200, 'page'),
    };
    const { ask } = await openDoor({ routes: new RouteTable([root, ...routes]) });
    for (const path of ['/', '/convoy/']) expect(await (await ask(path)).text()).toBe('page\n');
    expect(await (await ask('/healthz')).text()).toBe('ok\n');
    expect((await ask('/other')).status).toBe(426);
  });
});
