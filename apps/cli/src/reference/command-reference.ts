import { Help, type Command, type Option } from 'commander';
import { commands } from '../commands/all.ts';
import { optionRemarks } from '../flags/help.ts';
import { code, markdownTable, sentence } from './markdown.ts';

/** Every command with its arguments, options and examples, from the objects that parse a command line. Markdown. */
export async function commandReference(): Promise<string> {
  const each = await Promise.all(Object.values(commands).map((load) => load()));
  const list = each.map((command) => [
    `[${code(command.name())}](#convoy-${command.name()})`,
    sentence(command.description()),
  ]);
  return [
    '# Commands',
    'In a project, put `npx` in front: `npx convoy train`. Every command takes `--help`. A long one shows its most common options there, and all of them with `--help-all`.',
    'Exit codes: 0 for success, 1 for a fault of Convoy itself, 2 for a mistake in the command or its files. [Guarantees](../guarantees.md) has the others.',
    markdownTable(['command', 'what it does'], list),
    ...each.flatMap((command) => described(command, 'convoy', 2)),
  ].join('\n\n');
}

function described(command: Command, parent: string, depth: number): string[] {
  const name = `${parent} ${command.name()}`;
  const help = new Help();
  const groups = new Map<string, Option[]>();
  for (const option of help.visibleOptions(command)) {
    if (option.long === '--help' || option.long === '--help-all') continue;
    const heading = option.helpGroupHeading ?? '';
    groups.set(heading, [...(groups.get(heading) ?? []), option]);
  }
  const usage = command.commands.length > 0 && command.registeredArguments.length === 0 ? '<command>' : command.usage();
  return [
    `${'#'.repeat(depth)} ${name}`,
    sentence(command.description()),
    ['```', `${name} ${usage.replace('[options] [command]', '[options]')}`, '```'].join('\n'),
    ...argumentsTable(command),
    ...[...groups].flatMap(([heading, options]) => [
      ...(heading === '' ? [] : [`**${heading.replace(/:$/, '')}**`]),
      optionsTable(options),
    ]),
    ...afterwords(command),
    ...command.commands.flatMap((child) => described(child, name, depth + 1)),
  ];
}

function argumentsTable({ registeredArguments }: Command): string[] {
  if (registeredArguments.length === 0) return [];
  const rows = registeredArguments.map((argument) => [
    code(argument.name() + (argument.variadic ? '…' : '')),
    sentence(argument.description),
    argument.defaultValue === undefined ? (argument.required ? 'required' : '') : code(String(argument.defaultValue)),
  ]);
  return [markdownTable(['argument', 'what it is', 'default'], rows)];
}

function optionsTable(options: readonly Option[]): string {
  const rows = options.map((option) => [
    code(option.flags),
    [sentence(option.description), ...remarks(option)].join(' '),
  ]);
  return markdownTable(['option', 'what it does'], rows);
}

/** What the help has in parentheses: choices, default, variable. */
function remarks(option: Option): readonly string[] {
  const choices = option.argChoices ?? [];
  const others = optionRemarks(option).slice(choices.length === 0 ? 0 : 1);
  return [...(choices.length === 0 ? [] : [`One of ${choices.map(code).join(', ')}.`]), ...others.map(sentence)];
}

/** Examples and variables, as the help has them after its options. */
function afterwords(command: Command): string[] {
  let whole = '';
  command.configureOutput({ writeOut: (text) => (whole += text) });
  command.outputHelp();
  const after = whole.slice(command.helpInformation().length).trim();
  return after === '' ? [] : [['```', after.replace(/^Examples:\n/, ''), '```'].join('\n')];
}
