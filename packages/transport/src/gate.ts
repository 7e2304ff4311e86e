import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { FailureLimits } from './failure-limits.ts';
import { isLoopback } from './loopback.ts';
import { originOf } from './origin.ts';
import { ViewerSessions } from './viewer-sessions.ts';
import { aRole, mayActAs, nameOfToken, type KnownToken, type Role, type TokenBook } from './tokens.ts';

/** Who sends a request. */
export interface Caller {
  /** Address and port. */
  readonly remote: string;
  /** What misconduct belongs to: the address, and the token where there is one. */
  readonly origin: string;
  /** Null where no token was needed. */
  readonly token: KnownToken | null;
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
  /** Whether who reaches the port from this machine may watch without a token, although there are tokens for all else. */
  readonly isOpenToViewers?: boolean;
  /** Told of every request that is refused. */
  readonly onRefused?: (remote: string, reason: string) => void;
}

/** Decides who may do what, by what the head of a request says. Nothing is allocated for who may not. */
export class Gate {
  readonly tokens: TokenBook | null;
  /** Browsers that were let in to watch; null where there are no tokens. */
  readonly sessions: ViewerSessions | null;
  readonly #isLocal: boolean;
  readonly #isOpenToViewers: boolean;
  readonly #onRefused: (remote: string, reason: string) => void;
  readonly #failures = new FailureLimits();

  constructor({ tokens = null, isLocal = false, isOpenToViewers = false, onRefused = () => {} }: GateOptions = {}) {
    this.tokens = tokens;
    this.sessions = tokens === null ? null : new ViewerSessions(tokens);
    this.#isLocal = isLocal;
    this.#isOpenToViewers = isLocal && isOpenToViewers;
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

  #judge({ headers, socket }: IncomingMessage, needed: Role | null, remote: string): Verdict {
    const address = originOf(remote);
    const { origin, host } = headers;
    // Without tokens a page may only watch, and not even that by a name that may have been made to point here.
    const mayBeOwn =
      this.tokens !== null || ((needed === null || needed === 'viewer') && this.#isLocal && isLocalHost(host));
    const isFromElsewhere = origin !== undefined && !(mayBeOwn && isOwnOrigin(origin, host));
    if (isFromElsewhere) return this.#refuse(403, 'a page of another origin may not ask', null);
    if (needed === null) return { caller: { remote, origin: address, token: null }, refused: null };
    const presented = bearerOf(headers.authorization);
    const needsNoToken = this.tokens === null || (this.#isOpenToViewers && needed === 'viewer' && presented === null);
    if (needsNoToken) {
      // A page's WebSocket names its origin; its other requests need not.
      if (this.#isLocal && headers.upgrade === undefined && !isLocalHost(host))
        return this.#refuse(403, 'this machine alone may ask, by its address', null);
      if (needed === 'operator' && !isLoopback(socket.remoteAddress ?? '')) {
        return this.#refuse(403, 'without tokens nobody on another machine may steer a run', null);
      }
      return { caller: { remote, origin: address, token: null }, refused: null };
    }
    if (presented === null && needed === 'viewer') {
      const session = this.sessions!.tokenOf(headers.cookie);
      if (session !== null) {
        return { caller: { remote, origin: `${address} (${nameOfToken(session)})`, token: session }, refused: null };
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
    return { caller: { remote, origin: `${address} (${nameOfToken(token)})`, token }, refused: null };
  }

  #refuse(status: RefusedRequest['status'], reason: string, retryAfterS: number | null): Verdict {
    return { refused: { status, reason, retryAfterS } };
  }
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
