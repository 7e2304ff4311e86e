import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as secureRequest } from 'node:https';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { answerOf, refusalError } from './refusal.ts';
import { connectionFault, connectionOf, untrustedError, USUAL_TRUST, type ServerTrust } from './server-trust.ts';
import type { Role } from './tokens.ts';

export interface CallOptions {
  /** The coordinator's address, as ws, wss, http or https; its path is a reverse proxy's prefix. */
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  /** `/v1/status`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly token?: string | null;
  /** What the caller needs to be, for the words of a refusal. */
  readonly role: Role;
  readonly trust?: ServerTrust;
  readonly signal?: AbortSignal;
}

/** Silence after which a call is given up. */
const SILENCE_MS = 30_000;
/** Of an answer that is read as JSON. */
const MAX_JSON_BYTES = 8 * 1024 * 1024;

/**
 * Asks a coordinator's door over HTTP.
 * @returns its answer, whatever the status, with a body that the caller reads.
 * @throws OperatorError when it can't be reached, its certificate is not trusted or the token does not suffice.
 */
export async function call(options: CallOptions): Promise<IncomingMessage> {
  const { url, role } = options;
  let response: IncomingMessage;
  try {
    response = await send(options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof OperatorError) throw error;
    const untrusted = untrustedError(error, url);
    if (untrusted !== null) throw untrusted;
    throw new OperatorError(`can't reach ${url}: ${connectionFault(error as NodeJS.ErrnoException, url)}`, {
      exitCode: exitCodes.network,
      cause: error,
    });
  }
  if (response.statusCode !== 401 && response.statusCode !== 403) return response;
  throw refusalError(await answerOf(response), url, role)!;
}

/** Asks, and reads the answer as JSON. @throws OperatorError also when the answer is a refusal of any kind. */
export async function callJson(options: CallOptions): Promise<unknown> {
  const response = await call(options);
  if (response.statusCode !== 200) {
    const { status, text } = await answerOf(response);
    throw new OperatorError(`${options.url} answered ${status}${text && `: ${text}`}`, {
      exitCode: status === 429 ? exitCodes.rejected : status < 500 ? exitCodes.usage : exitCodes.network,
    });
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    if ((bytes += chunk.byteLength) > MAX_JSON_BYTES) throw new OperatorError(`${options.url} answers without end`);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  } catch {
    throw new OperatorError(`${options.url} answers with no JSON: is it a coordinator of this version?`);
  }
}

/** The http:// or https:// address of a path behind a coordinator's address. */
export function addressOf(url: string, path: string): URL {
  const base = new URL(url.replace(/^ws/, 'http'));
  base.pathname = base.pathname.replace(/\/$/, '') + path;
  base.search = '';
  return base;
}

function send({
  url,
  method = 'GET',
  path,
  headers = {},
  body,
  token = null,
  trust = USUAL_TRUST,
  signal,
}: CallOptions) {
  const address = addressOf(url, path);
  const isSecure = address.protocol === 'https:';
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request = (isSecure ? secureRequest : plainRequest)(address, {
      method,
      headers: {
        ...headers,
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
      },
      timeout: SILENCE_MS,
      ...(signal === undefined ? {} : { signal }),
      ...connectionOf(address, trust),
    });
    request.on('timeout', () => request.destroy(new Error(`silent for ${SILENCE_MS / 1_000} s`)));
    request.on('response', resolve);
    request.on('error', reject);
    request.end(text);
  });
}
