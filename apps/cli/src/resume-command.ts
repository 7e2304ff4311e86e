import type { Command, Option } from 'commander';
import { programName } from '@convoy/infra/program-name';
import { shellCommand } from '@convoy/convoy/shell-command';
import { LENGTH_FLAGS } from './flags/run.ts';

/**
 * The command that goes on with a run: the one that was given, without what the run's folder holds. So it has what a run can't be
 * resumed without, such as --workload, and what it would go on differently without.
 * @param given the arguments after the command's name.
 * @param more options to go on with, each before one of the same name that was given.
 */
export function resumeCommand(
  command: Command,
  given: readonly string[],
  folder: string,
  more: readonly (readonly [name: string, value: string])[] = [],
): string {
  // `resume` takes the run as an argument, or as --run.
  const place = command.name() === 'resume' ? [folder] : ['--resume', folder];
  const added = [place, ...more];
  const resume = command.options.find(({ long }) => long === '--resume') as WithConflicts | undefined;
  const left = new Set(['run', ...(resume?.conflictsWith ?? []), ...LENGTH_FLAGS]);
  const end = given.indexOf('--');
  const [options, rest] = end === -1 ? [given, []] : [given.slice(0, end), given.slice(end)];
  const kept = givenOptions(command, options)
    .filter(({ option }) => !left.has(option.attributeName()) && !added.some(([name]) => name === option.long))
    .flatMap(({ words }) => words);
  return shellCommand([...programName(), command.name(), ...added.flat(), ...kept, ...rest]);
}

interface WithConflicts extends Option {
  readonly conflictsWith: readonly string[];
}

/** The options among arguments, each with its words. */
function givenOptions(command: Command, given: readonly string[]) {
  const found: { readonly option: Option; readonly words: readonly string[] }[] = [];
  for (let at = 0; at < given.length; at++) {
    const [name, value] = given[at]!.split(/=(.*)/s) as [string, string?];
    const option = command.options.find(({ short, long }) => name === long || name === short);
    if (option === undefined) continue;
    const takesNext = value === undefined && (option.required || (option.optional && !given[at + 1]?.startsWith('-')));
    found.push({ option, words: given.slice(at, at + (takesNext ? 2 : 1)) });
    if (takesNext) at++;
  }
  return found;
}
