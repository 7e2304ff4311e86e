import type { IncomingMessage } from 'node:http';
import { addressTimeoutMs, withReason } from './dial.ts';
import { OperatorError } from '@convoy/protocol/errors';
import { addressOf, bearer, bodyOf, sendRequest } from './http-request.ts';
import { retryAfterMs, wordsOf } from './refusal.ts';
import { connectionFault, USUAL_TRUST, type ServerTrust } from './server-trust.ts';
import { FetchError, type FetchOptions, type Respond } from './fetch-file.ts';

/** How a coordinator's door is reached. It can be sent to another thread. */
export interface DoorAddress {
  /** ws:// or wss://, with the path that is in front of the door's own. */
  readonly url: string;
  readonly token?: string | undefined;
  /** Whose certificate is taken. */
  readonly trust?: ServerTrust;
}

/** Silence after which a request is given up. */
const SILENCE_MS = 30_000;

/** Asks a coordinator over HTTP, at the address that workers connect to. */
export class DoorClient {
  readonly #address: DoorAddress;
  readonly #respond: Respond;

  /** @param attempt how often this door has been tried, see {@link addressTimeoutMs}. */
  constructor(address: DoorAddress, attempt = 1) {
    this.#address = address;
    this.#respond = responding(addressTimeoutMs(attempt), address);
  }

  /** What a download of this path needs. */
  from(path: string): Pick<FetchOptions, 'url' | 'headers' | 'respond'> {
    const { url, token } = this.#address;
    return { url: addressOf(url, path), headers: bearer(token), respond: this.#respond };
  }

  /**
   * GETs a path and reads its answer, which must have no more than `maxBytes`.
   * @param known the ETag of an answer that the caller has: where it is still that, the answer is a 304.
   * @throws FetchError when the answer is any other than 200, too long or never whole; the signal's reason when aborted.
   */
  async read(path: string, maxBytes: number, signal: AbortSignal, known?: string): Promise<Answer> {
    const silent = AbortSignal.timeout(SILENCE_MS);
    try {
      return await this.#read(path, maxBytes, AbortSignal.any([signal, silent]), known);
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof FetchError || cause instanceof OperatorError) throw cause;
      const fault = () => connectionFault(withReason(cause as Error), this.#address.url);
      const message = silent.aborted ? `no answer for ${SILENCE_MS / 1000} s` : fault();
      throw new FetchError(message, { permanent: false, cause });
    }
  }

  async #read(path: string, maxBytes: number, signal: AbortSignal, known?: string): Promise<Answer> {
    const condition = known === undefined ? {} : { 'if-none-match': known };
    const { url, headers } = this.from(path);
    const response = await this.#respond(url, { ...headers, ...condition }, signal);
    const body = await bodyOf(response, maxBytes);
    if (body === null) throw new FetchError(`the answer has more than ${maxBytes} bytes`, { permanent: true });
    const status = response.statusCode!;
    if (status === 200 || (status === 304 && known !== undefined)) return { status, headers: response.headers, body };
    throw new FetchError(wordsOf(response, body.toString('utf8')) || `HTTP ${status}`, {
      permanent: !(status >= 500 || status === 429),
      status,
      retryAfterMs: retryAfterMs(response),
    });
  }
}

export interface Answer {
  readonly status: 200 | 304;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

function responding(addressMs: number, { url: shown, trust = USUAL_TRUST }: DoorAddress): Respond {
  return (url, headers, signal) => sendRequest(url, { headers, signal, shown, trust, addressMs });
}
