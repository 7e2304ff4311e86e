import type { Command } from 'commander';
import { makeTokenFile, rotateToken } from '@convoy/convoy/make-tokens';
import { OperatorError } from '@convoy/protocol/errors';
import { ROLES, type Role } from '@convoy/transport/tokens';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { oneOf } from '../flags/values.ts';

const tokenFlags = flagTable({
  file: { takes: '<file>', help: 'the file to write', default: 'convoy-tokens' as string },
  print: { help: 'print the new tokens', default: false as boolean },
});
type TokenFlags = FlagValues<typeof tokenFlags>;

/** `token`: makes the tokens by which a coordinator knows its workers, operators and viewers. */
export function tokenCommand(): Command {
  const command = newCommand('token')
    .description('make the tokens that a coordinator takes, or replace one')
    .argument('[action]', 'rotate: add a new token for a role; the one before it stays valid', oneOf(['rotate']))
    .argument('[role]', `whose: ${ROLES.join(', ')}`, oneOf(ROLES));
  return addFlags(command, tokenFlags)
    .addHelpText(
      'after',
      `
Examples:
  $ convoy token --file convoy-tokens                  a token for each role
  $ convoy token rotate worker --file convoy-tokens    a second one for workers

Give the coordinator the file: --token-file convoy-tokens. Give each worker its line in CONVOY_TOKEN, or a file with that line.
A coordinator reads the file again when it changes. Rotating twice takes the first token away: whoever shows it is refused.`,
    )
    .action(makeTokens);
}

function makeTokens(action: 'rotate' | undefined, role: Role | undefined, { file, print }: TokenFlags): void {
  if (action === undefined) {
    const made = makeTokenFile(file);
    process.stderr.write(`wrote ${file}: a token each for ${ROLES.join(', ')}; only this user can read it\n`);
    if (print) for (const token of made) process.stdout.write(`${token}\n`);
    return;
  }
  if (role === undefined) throw new OperatorError(`name the role whose token shall be replaced: ${ROLES.join(', ')}`);
  const { token, removed } = rotateToken(file, role);
  const before = removed ? 'the oldest is gone' : 'the one before it stays valid until you rotate again';
  process.stderr.write(`${file} has a new token for ${role}s; ${before}\n`);
  if (print) process.stdout.write(`${token}\n`);
}
