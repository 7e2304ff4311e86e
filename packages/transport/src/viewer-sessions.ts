import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mayActAs, type KnownToken, type TokenBook } from './tokens.ts';

/** A link is used within this time, or is none. */
export const LINK_MS = 10 * 60_000;
/** A browser is let in for so long. */
export const SESSION_MS = 12 * 3600_000;
/** Of more links, the oldest are no longer valid. */
const MAX_LINKS = 100;
const SECRET_BYTES = 32;
/** 256 bits in base64url. */
const SECRET = /^[\w-]{43}$/;
/** When it ends, in milliseconds since the Unix epoch, and the proof of that. */
const SESSION = /^(\d{13,15})\.([0-9a-f]{64})$/;

/** What a browser keeps. */
export interface Cookie {
  readonly name: string;
  readonly value: string;
}

/**
 * Browsers that may watch: they can show no token with each request, but they send a cookie. Whoever has a token makes a link with
 * a secret, and the browser that opens it changes the secret, once, for a session. A session is worth what the token is that the
 * link was made with. It is proved by that token's digest: it ends with the token, and a coordinator that was started again takes it.
 */
export class ViewerSessions {
  readonly #tokens: TokenBook;
  readonly #now: () => number;
  /** By the secret's digest: how long a search takes tells nothing about secrets. */
  readonly #links = new Map<string, { readonly token: KnownToken; readonly untilMs: number }>();

  /** @param now milliseconds since the Unix epoch. */
  constructor(tokens: TokenBook, now: () => number = Date.now) {
    this.#tokens = tokens;
    this.#now = now;
  }

  /** @returns a secret that {@link redeem} takes once, within {@link LINK_MS}. */
  newLink(token: KnownToken): string {
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    this.#links.set(digestOf(secret), { token, untilMs: this.#now() + LINK_MS });
    if (this.#links.size > MAX_LINKS) this.#links.delete(this.#links.keys().next().value!);
    return secret;
  }

  /** @returns the cookie that lets its sender watch; null for a secret that is not valid, or not any more. */
  redeem(secret: string): Cookie | null {
    if (!SECRET.test(secret)) return null;
    const link = this.#links.get(digestOf(secret));
    this.#links.delete(digestOf(secret));
    if (link === undefined || link.untilMs <= this.#now()) return null;
    const untilMs = String(Math.round(this.#now() + SESSION_MS));
    return { name: cookieOf(link.token), value: `${untilMs}.${proofOf(link.token, untilMs).toString('hex')}` };
  }

  /** The token that a request's session was made with; null where it has none that is valid. @param header `Cookie`. */
  tokenOf(header: string | undefined): KnownToken | null {
    const sent = new Map<string, string>();
    for (const pair of header?.split(';') ?? []) {
      const [name = '', value = ''] = pair.trim().split('=');
      sent.set(name, value);
    }
    for (const token of this.#tokens.tokens) {
      if (!mayActAs(token.role, 'viewer')) continue;
      const [, untilMs, proof] = SESSION.exec(sent.get(cookieOf(token)) ?? '') ?? [];
      if (untilMs === undefined || Number(untilMs) <= this.#now()) continue;
      if (timingSafeEqual(proofOf(token, untilMs), Buffer.from(proof!, 'hex'))) return token;
    }
    return null;
  }
}

/** A browser has one jar for all ports of a machine: each token has a cookie of its own in it. */
function cookieOf({ digest }: KnownToken): string {
  return `convoy_${digestOf(digest).slice(0, 16)}`;
}

function proofOf({ digest }: KnownToken, untilMs: string): Buffer {
  return createHmac('sha256', digest).update(`a viewer until ${untilMs}`).digest();
}

function digestOf(secret: string | Buffer): string {
  return createHash('sha256').update(secret).digest('hex');
}
