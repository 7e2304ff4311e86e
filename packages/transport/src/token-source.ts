import { OperatorError } from '@convoy/protocol/errors';
import { fileStamp } from './file-stamp.ts';
import { readTokenFile, tokensOfVariable, type WrittenToken } from './token-file.ts';
import { roleOfToken, ROLES, TokenBook, type KnownToken, type Role } from './tokens.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** How often a token file is looked at. */
const LOOK_EVERY_MS = 1_000;

export interface TokenSourceOptions {
  readonly file?: string | undefined;
  readonly environment: Environment;
}

/** The variable in which a coordinator finds the tokens of a role. */
function variableOf(role: Role): string {
  return `CONVOY_${role.toUpperCase()}_TOKEN`;
}

/** The variable in which whoever calls a coordinator has its token. */
export const CLIENT_VARIABLE = 'CONVOY_TOKEN';

/** The environment of a process that is no business of the tokens' in this one. */
export function withoutTokens(environment: Environment): Record<string, string | undefined> {
  const secret = new Set([CLIENT_VARIABLE, ...ROLES.map(variableOf)]);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !secret.has(name)));
}

/** A coordinator's tokens, and what follows their file. */
export interface ServerTokens {
  /** Null where there are none: everybody who reaches the port may do everything. */
  readonly book: TokenBook | null;
  /** A worker's token as text, for a worker that this process starts; null where only a digest is known. */
  workerToken(): string | null;
  close(): void;
}

/**
 * The tokens that a coordinator takes: those of a file, which is read again whenever it changes, or else those of the environment.
 * @param onNote is told what is wrong with a file that has changed: the tokens before it stay valid.
 * @param own is valid whatever the file says.
 * @throws OperatorError naming what to change.
 */
export function serverTokens(
  { file, environment }: TokenSourceOptions,
  onNote: (line: string) => void,
  own: readonly KnownToken[] = [],
): ServerTokens {
  if (file === undefined) {
    const tokens = ROLES.flatMap((role) => tokensOfVariable(variableOf(role), environment[variableOf(role)], role));
    return {
      book: tokens.length + own.length === 0 ? null : new TokenBook([...tokens, ...own]),
      workerToken: () => newest(tokens, 'worker'),
      close: () => {},
    };
  }
  let tokens = readTokenFile(file);
  if (tokens.length === 0)
    throw new OperatorError(`${file} holds no token: make them with "convoy token --file ${file}"`);
  const book = new TokenBook([...tokens, ...own]);
  let seen = fileStamp(file);
  const looking = setInterval(() => {
    const stamp = fileStamp(file);
    if (stamp === seen) return;
    seen = stamp;
    try {
      tokens = readTokenFile(file);
      book.replace([...tokens, ...own]);
      onNote(`${file} has changed: ${tokens.length} ${tokens.length === 1 ? 'token is' : 'tokens are'} valid now`);
    } catch (error) {
      onNote(`${(error as Error).message}; the tokens before it stay valid`);
    }
  }, LOOK_EVERY_MS).unref();
  return { book, workerToken: () => newest(tokens, 'worker'), close: () => clearInterval(looking) };
}

/**
 * The token with which somebody of a role calls a coordinator: from a file, which is read anew each time, or the environment.
 * @returns null where there is none. @throws OperatorError when the file has none of that role, or the variable holds no token.
 */
export function clientToken({ file, environment }: TokenSourceOptions, role: Role): string | null {
  if (file !== undefined) {
    const tokens = readTokenFile(file);
    // An operator may do what a viewer may.
    const token = newest(tokens, role) ?? (role === 'viewer' ? newest(tokens, 'operator') : null);
    if (token === null) throw new OperatorError(`${file} holds no ${role}'s token`);
    return token;
  }
  const given = environment[CLIENT_VARIABLE]?.trim();
  if (given) {
    // Anything else would be refused by the server at best, and breaks the header at worst. The message does not repeat it.
    if (roleOfToken(given) !== null) return given;
    throw new OperatorError(`${CLIENT_VARIABLE} holds no token: give it one line of those that "convoy token" makes`);
  }
  // Where a coordinator runs, its own variables are at hand.
  const roles: readonly Role[] = role === 'viewer' ? ['viewer', 'operator'] : [role];
  const tokens = roles.flatMap((each) => tokensOfVariable(variableOf(each), environment[variableOf(each)], each));
  return tokens[0]?.text ?? null;
}

/** The token that stands last, which is the newest. */
function newest(tokens: readonly WrittenToken[], role: Role): string | null {
  return tokens.findLast((token) => token.role === role && token.text !== null)?.text ?? null;
}
