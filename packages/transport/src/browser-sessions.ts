import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { aRole, mayActAs, type KnownToken, type Role, type TokenBook } from './tokens.ts';

/** A link is used within this time, or is none. */
export const LINK_MS = 10 * 60_000;
/** A browser is let in for so long: to steer for less, as whoever finds it open can do harm with it. */
export const SESSION_MS: Readonly<Record<BrowserRole, number>> = { viewer: 12 * 3600_000, operator: 3600_000 };
/** Of more links, the oldest are no longer valid. */
const MAX_LINKS = 100;
const SECRET_BYTES = 32;
/** 256 bits in base64url. */
const SECRET = /^[\w-]{43}$/;
/** When it ends, in milliseconds since the Unix epoch, and the proof of that. */
const SESSION = /^(\d{13,15})\.([0-9a-f]{64})$/;

/** What a browser may be let in for. */
export type BrowserRole = Exclude<Role, 'worker'>;

/** What a browser keeps. */
export interface Cookie {
  readonly name: string;
  readonly value: string;
  /** For so long. */
  readonly ms: number;
}

interface Link {
  readonly token: KnownToken;
  readonly role: BrowserRole;
  readonly untilMs: number;
}

/**
 * Browsers that may watch or steer: they can show no token with each request, but they send a cookie. Whoever has a token makes a
 * link with a secret, and the browser that opens it changes the secret, once, for a session. A session is worth no more than the
 * token that the link was made with, and less unless the link was made to steer. It is proved by that token's digest: it ends with
 * the token, and a coordinator that was started again takes it.
 */
export class BrowserSessions {
  readonly #tokens: TokenBook;
  readonly #now: () => number;
  /** By the secret's digest: how long a search takes tells nothing about secrets. */
  readonly #links = new Map<string, Link>();

  /** @param now milliseconds since the Unix epoch. */
  constructor(tokens: TokenBook, now: () => number = Date.now) {
    this.#tokens = tokens;
    this.#now = now;
  }

  /**
   * @param role what the browser may do; the token must allow it.
   * @returns a secret that {@link redeem} takes once, within {@link LINK_MS}.
   */
  newLink(token: KnownToken, role: BrowserRole): string {
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    this.#links.set(digestOf(secret), { token, role, untilMs: this.#now() + LINK_MS });
    if (this.#links.size > MAX_LINKS) this.#links.delete(this.#links.keys().next().value!);
    return secret;
  }

  /**
   * @returns the cookies that let their sender in; null for a secret that is not valid, or not any more. Who may steer may watch
   * for as long as other viewers: the page stays when its buttons go.
   */
  redeem(secret: string): readonly Cookie[] | null {
    if (!SECRET.test(secret)) return null;
    const link = this.#links.get(digestOf(secret));
    this.#links.delete(digestOf(secret));
    if (link === undefined || link.untilMs <= this.#now()) return null;
    const roles: readonly BrowserRole[] = link.role === 'operator' ? ['viewer', 'operator'] : ['viewer'];
    return roles.map((role) => {
      const ms = SESSION_MS[role];
      const untilMs = String(Math.round(this.#now() + ms));
      const proof = proofOf(link.token, role, untilMs).toString('hex');
      return { name: cookieOf(link.token, role), value: `${untilMs}.${proof}`, ms };
    });
  }

  /** The token that a request's session was made with; null where it has none that is valid for that role. @param header `Cookie`. */
  tokenOf(header: string | undefined, role: BrowserRole): KnownToken | null {
    const sent = new Map<string, string>();
    for (const pair of header?.split(';') ?? []) {
      const [name = '', value = ''] = pair.trim().split('=');
      sent.set(name, value);
    }
    for (const token of this.#tokens.tokens) {
      if (!mayActAs(token.role, role)) continue;
      const [, untilMs, proof] = SESSION.exec(sent.get(cookieOf(token, role)) ?? '') ?? [];
      if (untilMs === undefined || Number(untilMs) <= this.#now()) continue;
      if (timingSafeEqual(proofOf(token, role, untilMs), Buffer.from(proof!, 'hex'))) return token;
    }
    return null;
  }
}

/** A browser has one jar for all ports of a machine: each token has cookies of its own in it. */
function cookieOf({ digest }: KnownToken, role: BrowserRole): string {
  return `convoy_${role === 'operator' ? 'operator_' : ''}${digestOf(digest).slice(0, 16)}`;
}

function proofOf({ digest }: KnownToken, role: BrowserRole, untilMs: string): Buffer {
  return createHmac('sha256', digest)
    .update(`${aRole(role)} until ${untilMs}`)
    .digest();
}

function digestOf(secret: string | Buffer): string {
  return createHash('sha256').update(secret).digest('hex');
}
