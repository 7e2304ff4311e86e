import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { readTokenFile } from '@convoy/transport/token-file';
import { newToken, roleOfToken, ROLES, type Role } from '@convoy/transport/tokens';

const HEAD = `# Tokens of a Convoy coordinator: cw_ for workers, co_ for operators, cv_ for viewers. Keep this file private.
`;

/** Writes a file with a token for each role, which only this user can read. @returns the tokens. @throws OperatorError when it is there already. */
export function makeTokenFile(path: string): readonly string[] {
  const tokens = ROLES.map(newToken);
  try {
    writeFileSync(path, HEAD + tokens.map((token) => `${token}\n`).join(''), { mode: 0o600, flag: 'wx' });
    // Whatever the mask takes away or an older file had.
    chmodSync(path, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new OperatorError(
        `${path} is there already: name another file, or replace a token with "convoy token rotate worker --file ${path}"`,
      );
    }
    throw fileError(error, `can't write ${path}`);
  }
  return tokens;
}

/**
 * Adds a token of a role to a file. Of two that were there, the older goes.
 * @returns the new token, and whether one went. @throws OperatorError
 */
export function rotateToken(path: string, role: Role): { readonly token: string; readonly removed: boolean } {
  const removed = readTokenFile(path).filter((token) => token.role === role).length > 1;
  const token = newToken(role);
  const partial = `${path}.${process.pid}.partial`;
  try {
    const lines = readFileSync(path, 'utf8').trimEnd().split(/\r?\n/);
    if (removed)
      lines.splice(
        lines.findIndex((line) => isOf(role, line)),
        1,
      );
    writeFileSync(partial, [...lines, token, ''].join('\n'), { mode: 0o600, flag: 'wx' });
    renameSync(partial, path);
  } catch (error) {
    throw fileError(error, `can't write ${path}`);
  }
  return { token, removed };
}

function isOf(role: Role, line: string): boolean {
  const text = line.replace(/#.*/, '').trim();
  return roleOfToken(text) === role || text.split(/\s/)[0] === role;
}
