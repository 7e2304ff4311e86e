import type { IncomingMessage } from 'node:http';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { addressOf, bearer, bodyOf, sendRequest } from './http-request.ts';
import { answerOf, refusalError } from './refusal.ts';
import { connectionFault, USUAL_TRUST, type ServerTrust } from './server-trust.ts';
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
export async function call({ url, path, body, token, role, trust = USUAL_TRUST, ...rest }: CallOptions) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...rest.headers,
    ...bearer(token),
    ...(text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
  };
  let response: IncomingMessage;
  try {
    response = await sendRequest(addressOf(url, path), {
      ...rest,
      headers,
      body: text,
      shown: url,
      trust,
      silenceMs: SILENCE_MS,
    });
  } catch (error) {
    rest.signal?.throwIfAborted();
    if (error instanceof OperatorError) throw error;
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
  const body = await bodyOf(response, MAX_JSON_BYTES);
  if (body === null) throw new OperatorError(`${options.url} answers without end`);
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    throw new OperatorError(`${options.url} answers with no JSON: is it a coordinator of this version?`);
  }
}
