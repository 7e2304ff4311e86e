import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connectionOf, untrustedError, type ServerTrust } from './server-trust.ts';

/** How a request is sent to a coordinator. */
export interface RequestOptions {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** The address as errors name it. */
  readonly shown: string;
  readonly trust: ServerTrust;
  readonly signal?: AbortSignal | undefined;
  /** Time for each address of a name; Node's where it is absent. */
  readonly addressMs?: number;
  /** Silence after which the request fails; without end where it is absent. */
  readonly silenceMs?: number;
}

/** The http:// or https:// address of a path, perhaps with a query, behind a coordinator's address. */
export function addressOf(url: string, path: string): URL {
  const address = new URL(url.replace(/^ws/, 'http'));
  const [pathname, query = ''] = path.split('?');
  address.pathname = `${address.pathname.replace(/\/+$/, '')}${pathname}`;
  address.search = query;
  return address;
}

/** The header that presents a token, if there is one. */
export function bearer(token: string | null | undefined): Record<string, string> {
  return token == null ? {} : { authorization: `Bearer ${token}` };
}

/**
 * Sends a request. @returns the answer, whatever its status.
 * @throws OperatorError when the certificate is not trusted, and Node's error when nobody answers.
 */
export function sendRequest(address: URL, options: RequestOptions): Promise<IncomingMessage> {
  const { method = 'GET', headers = {}, body, shown, trust, signal, addressMs, silenceMs } = options;
  return new Promise((resolve, reject) => {
    const request = (address.protocol === 'https:' ? secureRequest : plainRequest)(address, {
      method,
      headers,
      ...connectionOf(address, trust),
      ...(signal === undefined ? {} : { signal }),
      ...(addressMs === undefined ? {} : { autoSelectFamilyAttemptTimeout: addressMs }),
      ...(silenceMs === undefined ? {} : { timeout: silenceMs }),
    });
    request.on('timeout', () => request.destroy(new Error(`silent for ${silenceMs! / 1_000} s`)));
    request.on('response', resolve);
    request.on('error', (error) => reject(untrustedError(error, shown) ?? error));
    request.end(body);
  });
}

/** Reads an answer's body; null where it has more than `maxBytes`. */
export async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    if ((bytes += chunk.length) > maxBytes) return null;
  }
  return Buffer.concat(chunks, bytes);
}
