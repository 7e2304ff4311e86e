import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a token allows: to compute, to watch, or to steer a run (which includes watching it). */
export const ROLES = ['worker', 'operator', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** For people's eyes: what a token is good for can be seen without trying it. */
const PREFIXES: Readonly<Record<Role, string>> = { worker: 'cw_', operator: 'co_', viewer: 'cv_' };
const TOKEN_BYTES = 32;
/** 256 bits in base64url, without padding. */
const TOKEN = /^(cw|co|cv)_[\w-]{43}$/;
/** Beyond this no token is looked at: hashing a long one would be work that anybody could ask for. */
const MAX_PRESENTED = 128;
/** Characters of the digest by which logs name a token. */
const NAME_LENGTH = 8;

/** A token as the server keeps it: the token itself can't be got from it. */
export interface KnownToken {
  readonly role: Role;
  /** sha256 of the token's text. */
  readonly digest: Buffer;
}

export function newToken(role: Role): string {
  return PREFIXES[role] + randomBytes(TOKEN_BYTES).toString('base64url');
}

/** The role with its article. */
export function aRole(role: Role): string {
  return `${role === 'operator' ? 'an' : 'a'} ${role}`;
}

/** The role that a token says it has; null for anything that is no token. */
export function roleOfToken(text: string): Role | null {
  const [, prefix] = TOKEN.exec(text) ?? [];
  return ROLES.find((role) => PREFIXES[role] === `${prefix}_`) ?? null;
}

export function digestOfToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** How logs and events name a token: its role and the head of its digest. It tells tokens apart and reveals nothing. */
export function nameOfToken({ role, digest }: KnownToken): string {
  return `${role} ${digest.toString('hex').slice(0, NAME_LENGTH)}`;
}

/** Whether someone of one role may do what another role may: an operator may do what a viewer may. */
export function mayActAs(role: Role, needed: Role): boolean {
  return role === needed || (role === 'operator' && needed === 'viewer');
}

/** The tokens that are valid at the moment. */
export class TokenBook {
  #tokens: readonly KnownToken[];
  readonly #onChange = new Set<() => void>();

  constructor(tokens: readonly KnownToken[]) {
    this.#tokens = tokens;
  }

  get tokens(): readonly KnownToken[] {
    return this.#tokens;
  }

  /** The token that was presented, if it is valid. Every known one is compared, in constant time. */
  find(presented: string): KnownToken | null {
    if (presented.length > MAX_PRESENTED) return null;
    const digest = digestOfToken(presented);
    let found: KnownToken | null = null;
    for (const known of this.#tokens) if (timingSafeEqual(known.digest, digest)) found = known;
    return found;
  }

  isValid({ digest }: KnownToken): boolean {
    return this.#tokens.some((known) => known.digest.equals(digest));
  }

  /** Has other tokens be valid from now on. */
  replace(tokens: readonly KnownToken[]): void {
    this.#tokens = tokens;
    for (const tell of this.#onChange) tell();
  }

  /** Calls back whenever the tokens have changed. */
  onChange(callback: () => void): void {
    this.#onChange.add(callback);
  }
}
