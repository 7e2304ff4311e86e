import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { FailureLimits } from './failure-limits.ts';
import { isLoopback } from './loopback.ts';
import { originOf } from './origin.ts';
import { BrowserSessions } from './browser-sessions.ts';
import { aRole, mayActAs, nameOfToken, type KnownToken, type Role, type TokenBook } from './tokens.ts';

/** Who sends a request. */
export interface Caller {
  /** Address and port. */
  readonly remote: string;
  /** What misconduct belongs to: the address, and the token where there is one. */
  readonly origin: string;
  /** Null where no token was needed. */
  readonly token: KnownToken | null;
  /** It has shown no token but a session's cookie. */
  readonly isBrowser: boolean;
}

/** An answer to a request that is refused. */
export interface RefusedRequest {
  readonly status: 401 | 403 | 429;
  /** One line for whoever asks; it says nothing about the run. */
  readonly reason: string;
  readonly retryAfterS: number | null;
}

export type Verdict = { readonly caller: Caller; readonly refused: null } | { readonly refused: RefusedRequest };

export interface GateOptions {
  /** Null where everybody who reaches the port may do everything. */
  readonly tokens?: TokenBook | null;
  /** Only this machine reaches the port: a request for any other name comes from a page that had that name point here. */
  readonly isLocal?: boolean;
  /** Whether who reaches the port from this machine may watch and steer without a token, although workers need one. */
  readonly isOpenHere?: boolean;
  /** Told of every request that is refused. */
  readonly onRefused?: (remote: string, reason: string) => void;
}

/** Decides who may do what, by what the head of a request says. Nothing is allocated for who may not. */
export class Gate {
  readonly tokens: TokenBook | null;
  /** Browsers that were let in; null where there are no tokens. */
  readonly sessions: BrowserSessions | null;
  readonly #isLocal: boolean;
  readonly #isOpenHere: boolean;
  readonly #onRefused: (remote: string, reason: string) => void;
  readonly #failures = new FailureLimits();

  constructor({ tokens = null, isLocal = false, isOpenHere = false, onRefused = () => {} }: GateOptions = {}) {
    this.tokens = tokens;
    this.sessions = tokens === null ? null : new BrowserSessions(tokens);
    this.#isLocal = isLocal;
    this.#isOpenHere = isLocal && isOpenHere;
    this.#onRefused = onRefused;
  }

  /** @param needed the role that the request needs; null where anybody may ask. */
  judge(request: IncomingMessage, needed: Role | null): Verdict {
    const { remoteAddress, remotePort } = request.socket;
    const remote = `${remoteAddress}:${remotePort}`;
    const verdict = this.#judge(request, needed, remote);
    if (verdict.refused !== null)
      this.#onRefused(remote, `refused (${verdict.refused.status}): ${verdict.refused.reason}`);
    return verdict;
  }

  /** Whether the token that a caller was let in with is valid at this moment. */
  stillAdmits({ token }: Caller): boolean {
    return token === null || (this.tokens?.isValid(token) ?? true);
  }

  /** Whether who sends a request that a viewer may send could steer as well: for a page that shows what may be done. */
  maySteer({ headers, socket }: IncomingMessage): boolean {
    const presented = bearerOf(headers.authorization);
    if (this.#needsNoToken('operator', presented)) return isLoopback(socket.remoteAddress ?? '');
    if (presented === null) return this.sessions!.tokenOf(headers.cookie, 'operator') !== null;
    const token = this.tokens!.find(presented);
    return token !== null && mayActAs(token.role, 'operator');
  }

  #needsNoToken(needed: Role, presented: string | null): boolean {
    return this.tokens === null || (this.#isOpenHere && needed !== 'worker' && presented === null);
  }

  #judge(request: IncomingMessage, needed: Role | null, remote: string): Verdict {
    const { headers, socket } = request;
    const address = originOf(remote);
    const { origin, host } = headers;
    const nobody = { remote, origin: address, token: null, isBrowser: false };
    // Without tokens a page may not compute, and do nothing by a name that may have been made to point here.
    const mayBeOwn = this.tokens !== null || (needed !== 'worker' && this.#isLocal && isLocalHost(host));
    const isFromElsewhere = origin !== undefined && !(mayBeOwn && isOwnOrigin(origin, host));
    if (isFromElsewhere) return this.#refuse(403, 'a page of another origin may not ask', null);
    if (needed === null) return { caller: nobody, refused: null };
    const fault = needed === 'operator' ? faultOfPage(request) : null;
    if (fault !== null) return this.#refuse(403, fault, null);
    const presented = bearerOf(headers.authorization);
    const needsNoToken = this.#needsNoToken(needed, presented);
    if (needsNoToken) {
      // A page's WebSocket names its origin; its other requests need not.
      if (this.#isLocal && headers.upgrade === undefined && !isLocalHost(host))
        return this.#refuse(403, 'this machine alone may ask, by its address', null);
      if (needed === 'operator' && !isLoopback(socket.remoteAddress ?? '')) {
        return this.#refuse(403, 'without tokens nobody on another machine may steer a run', null);
      }
      return { caller: nobody, refused: null };
    }
    if (presented === null && needed !== 'worker') {
      const session = this.sessions!.tokenOf(headers.cookie, needed);
      if (session !== null) {
        // A browser names it with each request that is more than reading.
        if (needed === 'operator' && origin === undefined) return this.#refuse(403, 'a page must say its origin', null);
        const from = `${address} (${nameOfToken(session)})`;
        return { caller: { remote, origin: from, token: session, isBrowser: true }, refused: null };
      }
      if (needed === 'operator' && this.sessions!.tokenOf(headers.cookie, 'viewer') !== null) {
        return this.#refuse(403, 'this browser may watch, and not steer: that takes a link made with --operator', null);
      }
    }
    const token = presented === null ? null : this.tokens!.find(presented);
    // A valid token is taken whatever others from the same address have done: they may be strangers behind the same router.
    if (token === null) {
      const retryAfterS = this.#failures.note(address, performance.now());
      // Whoever shows none gains nothing by waiting.
      if (retryAfterS !== null && presented !== null) return this.#refuse(429, 'too many wrong tokens', retryAfterS);
      return this.#refuse(401, presented === null ? 'a token is needed' : 'the token is not valid here', null);
    }
    if (!mayActAs(token.role, needed)) {
      return this.#refuse(403, `it takes ${aRole(needed)}'s token, and this is ${aRole(token.role)}'s`, null);
    }
    const from = `${address} (${nameOfToken(token)})`;
    return { caller: { remote, origin: from, token, isBrowser: false }, refused: null };
  }

  #refuse(status: RefusedRequest['status'], reason: string, retryAfterS: number | null): Verdict {
    return { refused: { status, reason, retryAfterS } };
  }
}

/**
 * What is wrong with a page's request to steer; null for a program's, and for a good one. Another site's page can have a browser send
 * forms and plain text, but neither JSON nor these headers (https://www.w3.org/TR/fetch-metadata/).
 */
function faultOfPage({ headers }: IncomingMessage): string | null {
  const site = headers['sec-fetch-site'];
  if (headers.origin === undefined && site === undefined) return null;
  if (site !== undefined && site !== 'same-origin') return 'a page of another site may not ask';
  const isJson = /^application\/json *(;|$)/i.test(headers['content-type'] ?? '');
  return isJson ? null : 'a page must send JSON';
}

/** What follows `Bearer`; null when there is no such header. */
function bearerOf(authorization: string | undefined): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null;
}

/** Whether a page was served by the door that it asks. */
function isOwnOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

/** Whether a `Host` header names this machine in a way that nobody else can give a meaning to. */
function isLocalHost(host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  return hostname === 'localhost' || isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0;
}
