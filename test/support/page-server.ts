import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
};

/** A server of files on this machine, which a page can tell what it found. */
export interface PageServer {
  /** `http://127.0.0.1:PORT`, without a slash behind it. */
  readonly url: string;
  /** The body of the first POST to /outcome. */
  readonly outcome: Promise<string>;
  close(): Promise<void>;
}

/** @param folders served by the first part of the path, e.g. `exports` as /exports/…. */
export async function servePages(folders: Readonly<Record<string, string>>): Promise<PageServer> {
  let tell!: (body: string) => void;
  const outcome = new Promise<string>((resolve) => (tell = resolve));
  const server = createServer((request, response) => {
    void (async () => {
      const path = normalize(decodeURIComponent(new URL(request.url!, 'http://localhost').pathname));
      if (request.method === 'POST' && path === '/outcome') {
        const body: Buffer[] = [];
        for await (const chunk of request) body.push(chunk as Buffer);
        response.end();
        return tell(Buffer.concat(body).toString());
      }
      const [, first = '', ...rest] = path.split('/');
      const folder = folders[first];
      const file = folder === undefined ? null : await readFile(join(folder, ...rest)).catch(() => null);
      if (file === null) return response.writeHead(404).end();
      response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(file);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    outcome,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
