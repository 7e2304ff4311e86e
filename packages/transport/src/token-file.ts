import { readFileSync, statSync } from 'node:fs';
import { OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { digestOfToken, roleOfToken, ROLES, type KnownToken, type Role } from './tokens.ts';

/** Two, so that a new token is valid before the old one is taken away. */
const MAX_PER_ROLE = 2;
const DIGEST = /^(\w+)\s+sha256:([0-9a-f]{64})$/i;

/** A token of a file or a variable: the text is null where only its digest is there. */
export interface WrittenToken extends KnownToken {
  readonly text: string | null;
}

/**
 * Reads a token file: a token on each line, or `worker sha256:<hex>` where only the digest shall be there; `#` begins a comment.
 * @throws OperatorError when others may read or change it, or a line is no token. The message never has what the line says.
 */
export function readTokenFile(path: string): readonly WrittenToken[] {
  let text: string;
  try {
    assertPrivate(path);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw fileError(error, `can't read the tokens in ${path}`);
  }
  const tokens = text.split(/\r?\n/).flatMap((line, i) => tokenOfLine(line, `${path}, line ${i + 1}`));
  return checked(tokens, path);
}

/** Reads the tokens of a role from a variable, with a comma between two. @throws OperatorError naming the variable. */
export function tokensOfVariable(name: string, value: string | undefined, role: Role): readonly WrittenToken[] {
  const texts = (value ?? '').split(',').map((text) => text.trim());
  const tokens = texts.filter(Boolean).map((text) => {
    if (roleOfToken(text) === role) return { role, digest: digestOfToken(text), text };
    throw new OperatorError(`${name} holds no ${role}'s token: make one with "convoy token"`);
  });
  return checked(tokens, name);
}

function tokenOfLine(line: string, where: string): readonly WrittenToken[] {
  const text = line.replace(/#.*/, '').trim();
  if (text === '') return [];
  const role = roleOfToken(text);
  if (role !== null) return [{ role, digest: digestOfToken(text), text }];
  const [, name, hex] = DIGEST.exec(text) ?? [];
  const named = ROLES.find((each) => each === name);
  if (named === undefined || hex === undefined) {
    throw new OperatorError(
      `${where} is no token: it takes a line of "convoy token", or ${ROLES.join('|')} sha256:<hex>`,
    );
  }
  return [{ role: named, digest: Buffer.from(hex, 'hex'), text: null }];
}

function checked(tokens: readonly WrittenToken[], where: string): readonly WrittenToken[] {
  for (const role of ROLES) {
    const count = tokens.filter((token) => token.role === role).length;
    if (count > MAX_PER_ROLE) {
      throw new OperatorError(
        `${where} has ${count} ${role}'s tokens; ${MAX_PER_ROLE} are valid at a time, the old one and the new one`,
      );
    }
  }
  return tokens;
}

/**
 * As ssh does with keys, it takes no file that others can read. A file that belongs to another user, as a mounted secret
 * does, may be readable for a group: this user can't change that.
 */
function assertPrivate(path: string): void {
  const { mode, uid } = statSync(path);
  const user = process.getuid?.();
  // Windows has no such modes.
  if (user === undefined) return;
  const forbidden = uid === user ? 0o077 : 0o027;
  if ((mode & forbidden) === 0) return;
  const what = (mode & 0o022 & forbidden) === 0 ? 'read' : 'change';
  throw new OperatorError(`others can ${what} ${path}, which holds tokens: chmod 600 ${path}`);
}
