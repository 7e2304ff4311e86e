import { setTimeout as delay } from 'node:timers/promises';
import type { createConnection } from 'node:net';
import { WebSocket } from 'ws';
import { OperatorError, exitCodes } from '@convoy/protocol/errors';
import type { Codec, Connection } from './connection.ts';
import { answerOf, refusalError, type Answer } from './refusal.ts';
import { bearer } from './http-request.ts';
import { connectionFault, secureConnection, untrustedError, USUAL_TRUST, type ServerTrust } from './server-trust.ts';
import { SocketConnection } from './socket.ts';

export interface DialOptions<Incoming, Outgoing> {
  /** ws://HOST:PORT or wss://HOST:PORT, with a path where a reverse proxy wants one. */
  readonly url: string;
  /** The token to show, asked for at each attempt: it may have been changed. */
  readonly token?: () => string | null;
  /** Whose certificate is taken. */
  readonly trust?: ServerTrust;
  readonly codec: Codec<Incoming, Outgoing>;
  readonly maxMessageBytes: number;
  /** Ends the waiting; `dial` then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Uniform in [0, 1): spreads the attempts of many workers. */
  readonly random: () => number;
  /** Told of each failed attempt and the pause before the next. */
  readonly onRetry?: (error: Error, attempt: number, pauseMs: number) => void;
  readonly backoff?: Backoff;
}

export interface Backoff {
  readonly firstMs: number;
  readonly limitMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 250, limitMs: 15_000 };
const CONNECT_TIMEOUT_MS = 10_000;
/** How long one of several addresses of a name may take to answer before the next is tried: at first, and at most. */
const ADDRESS_TIMEOUT_MS = { first: 250, limit: 4_000 };
/** Idle time after which the operating system asks whether the other machine is still there. */
const KEEP_ALIVE_MS = 10_000;

/** An address that has failed too often says for how long it wants to be left alone; so often it is believed. */
const MAX_PATIENCE_ASKED = 5;

/** The server answered in HTTP, and made no connection of the request. */
class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';

  constructor(readonly answer: Answer) {
    super(`it answered ${answer.status}${answer.text && `: ${answer.text}`}`);
  }
}

/**
 * Connects, trying again until it succeeds or the signal aborts: the coordinator may not be up yet.
 * @throws OperatorError when trying again would change nothing: the token does not suffice, or the certificate is not trusted.
 */
export async function dial<Incoming, Outgoing>(
  options: DialOptions<Incoming, Outgoing>,
): Promise<Connection<Incoming, Outgoing>> {
  const { url, signal, random, onRetry, backoff = DEFAULT_BACKOFF } = options;
  let patienceAsked = 0;
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await connect(options, addressTimeoutMs(attempt));
    } catch (error) {
      signal.throwIfAborted();
      const answer = error instanceof UpgradeRefused ? error.answer : null;
      const permanent = permanentError(error, url);
      if (permanent !== null) throw permanent;
      patienceAsked = answer?.status === 429 ? patienceAsked + 1 : 0;
      if (patienceAsked > MAX_PATIENCE_ASKED)
        throw new OperatorError(`${url} takes no more attempts from this address (429: ${answer!.text})`, {
          exitCode: exitCodes.rejected,
        });
      const pauseMs = Math.max(answer?.retryAfterMs ?? 0, fullJitter(backoff, attempt, random));
      onRetry?.(
        answer === null
          ? new Error(connectionFault(withReason(error as Error), url), { cause: error })
          : (error as Error),
        attempt,
        pauseMs,
      );
      // Aborted, it rejects with an error of its own; the signal's reason is thrown above.
      await delay(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** What is the operator's to mend; null where trying again may help. */
function permanentError(error: unknown, url: string): Error | null {
  if (error instanceof OperatorError) return error;
  if (error instanceof UpgradeRefused) return refusalError(error.answer, url, 'worker');
  return untrustedError(error, url);
}

/** Exponential back-off with full jitter: uniform in [0, min(limit, first · 2^(attempt − 1))). */
export function fullJitter({ firstMs, limitMs }: Backoff, attempt: number, random: () => number): number {
  return random() * Math.min(limitMs, firstMs * 2 ** Math.min(attempt - 1, 30));
}

/**
 * Of the addresses of a name the first may be dead, so the next one's turn comes soon. One that is far away or loses a packet
 * answers late, so it comes later with each attempt: or nobody would ever hear its answer.
 */
export function addressTimeoutMs(attempt: number): number {
  return Math.min(ADDRESS_TIMEOUT_MS.limit, ADDRESS_TIMEOUT_MS.first * 2 ** Math.min(attempt - 1, 30));
}

/** Where each address of a name failed for a reason of its own, Node's error says none of them. */
export function withReason(error: Error): Error {
  if (!(error instanceof AggregateError) || error.message !== '') return error;
  return new Error(error.errors.map(({ message }: Error) => message).join(', '), { cause: error });
}

async function connect<Incoming, Outgoing>(options: DialOptions<Incoming, Outgoing>, addressMs: number) {
  const { url, codec, maxMessageBytes, signal, trust = USUAL_TRUST } = options;
  const token = options.token?.() ?? null;
  // The client's default for deflate is on; gradients don't compress.
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    handshakeTimeout: CONNECT_TIMEOUT_MS,
    // Of net.connect, to which `ws` hands it: the types lack it.
    ...{ autoSelectFamilyAttemptTimeout: addressMs },
    // The mask keeps proxies from being fooled by what a hostile page sends from a browser; a worker is no browser, and
    // with a mask of zeros its megabytes need no masked copy (docs/decisions/0004).
    generateMask: (mask) => mask.fill(0),
    headers: bearer(token),
    ...(/^(wss|https):/.test(url)
      ? { createConnection: secureConnection(trust) as unknown as typeof createConnection }
      : {}),
  });
  // Made before 'open' so that no message that follows the handshake at once can be missed.
  let bytesHeard = () => 0;
  socket.once('upgrade', ({ socket: raw }) => {
    bytesHeard = () => raw.bytesRead;
    // A server that loses its power before it has said a word would be waited for without end: nothing is sent until then.
    raw.setKeepAlive(true, KEEP_ALIVE_MS);
  });
  const connection = new SocketConnection<Incoming, Outgoing>(socket, codec, {
    remote: url,
    origin: url,
    // A worker sends one result at a time, and notices by itself when nobody answers.
    maxUnreadBytes: Infinity,
    bytesHeard: () => bytesHeard(),
    guard: null,
  });
  const abandon = () => socket.terminate();
  signal.addEventListener('abort', abandon);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      socket.once('unexpected-response', (request, response) => {
        void answerOf(response).then((answer) => {
          reject(new UpgradeRefused(answer));
          request.destroy();
        });
      });
    });
    return connection;
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}
