import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Bytes that have a length and a digest, wherever they come from. */
export interface ServedBytes {
  readonly bytes: number;
  /** What tells them from others: a digest. */
  readonly digest: string;
  readonly type: string;
  /** The bytes from `start` to `end`, which is not among them, in chunks: the next is asked for when the last has been sent. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
}

/** A peer that takes nothing for so long is cut: it would keep others waiting. */
const UNREAD_FOR_MS = 30_000;

/**
 * Answers a GET or HEAD with bytes, or the part of them that it asks for: one range (RFC 9110, 14.2), under If-Range. Resolves when
 * all are sent or the peer has gone.
 */
export async function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  served: ServedBytes,
): Promise<void> {
  const etag = `"${served.digest}"`;
  const { range, 'if-range': condition, 'if-none-match': known } = request.headers;
  const headers = { etag, 'accept-ranges': 'bytes', 'content-type': served.type };
  if (known === etag) return void response.writeHead(304, headers).end();
  const part =
    range === undefined || (condition !== undefined && condition !== etag) ? null : parseRange(range, served.bytes);
  if (part === 'unsatisfiable') {
    return void response.writeHead(416, { ...headers, 'content-range': `bytes */${served.bytes}` }).end();
  }
  const { start, end } = part ?? { start: 0, end: served.bytes };
  response.writeHead(part === null ? 200 : 206, {
    ...headers,
    'content-length': end - start,
    ...(part === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${served.bytes}` }),
  });
  if (request.method === 'HEAD') return void response.end();
  response.setTimeout(UNREAD_FOR_MS, () => response.destroy());
  try {
    await pipeline(Readable.from(served.read(start, end)), response);
  } catch (error) {
    // Whoever hangs up comes back for the rest.
    if (!isHangUp(error)) throw error;
  }
}

function isHangUp(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE', 'ERR_STREAM_DESTROYED'].includes(code);
}

/** The bytes that a Range header asks for; null for what is no single range, which may be passed over. */
function parseRange(
  header: string,
  bytes: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | null {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (first === undefined || last === undefined || first + last === '') return null;
  const start = first === '' ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? bytes : Math.min(bytes, Number(last) + 1);
  if (start >= bytes) return 'unsatisfiable';
  return end > start ? { start, end } : null;
}
