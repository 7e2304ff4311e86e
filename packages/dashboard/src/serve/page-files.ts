import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pageFiles } from '@convoy/infra/page';
import { answerText } from '@convoy/transport/routes';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
};

/** Nothing but what this door serves, and no frame of another's around it. */
const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

interface PageFile {
  readonly type: string;
  readonly plain: Uint8Array;
  readonly zipped: Uint8Array;
}

/** The page's files, compressed once, when somebody first asks for one. */
export class PageFiles {
  #files: Promise<ReadonlyMap<string, PageFile>> | null = null;

  /** @param name of a file; those with their content's digest in it may be kept for ever. */
  async send(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const file = (await (this.#files ??= load())).get(name);
    if (file === undefined) return answerText(response, 404, 'the page has no such file');
    const isZipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    const body = isZipped ? file.zipped : file.plain;
    response.writeHead(200, {
      ...HEADERS,
      'content-type': file.type,
      'content-length': body.byteLength,
      'cache-control': /-[A-Z0-9]{8}\./.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
      vary: 'accept-encoding',
      ...(isZipped ? { 'content-encoding': 'gzip' } : {}),
    });
    response.end(body);
  }
}

async function load(): Promise<ReadonlyMap<string, PageFile>> {
  const zip = promisify(gzip);
  const files = Object.entries(await pageFiles()).map(async ([name, plain]) => {
    const type = TYPES[name.split('.').at(-1)!] ?? 'application/octet-stream';
    return [name, { type, plain, zipped: await zip(plain, { level: 9 }) }] as const;
  });
  return new Map(await Promise.all(files));
}
