import type { CompletableCommand, Offer } from './completable.ts';

/** A completion script for fish. */
export function fishCompletion(commands: readonly CompletableCommand[]): string {
  const [root] = commands;
  const lines = [
    '# Completion of convoy for fish, made by: convoy completion fish',
    '',
    '# Runs are folders with an events.jsonl.',
    'function __convoy_runs',
    '  for log in runs/*/events.jsonl',
    '    dirname $log',
    '  end',
    'end',
    '',
    'complete -c convoy -f',
    ...root!.children.map(
      ({ name, help }) => `complete -c convoy -n __fish_use_subcommand -a ${name} -d ${quoted(help)}`,
    ),
  ];
  for (const { path, options, children, argument } of commands) {
    if (path === '') continue;
    const when = `-n ${quoted(
      path
        .split(' ')
        .map((word) => `__fish_seen_subcommand_from ${word}`)
        .join('; and '),
    )}`;
    for (const { name, help } of children) lines.push(`complete -c convoy ${when} -a ${name} -d ${quoted(help)}`);
    if (argument.kind !== 'nothing') lines.push(`complete -c convoy ${when} ${offered(argument)}`);
    for (const { long, help, value } of options) {
      const rest =
        value === null
          ? ''
          : ` ${value.kind === 'files' ? '-r -F' : value.kind === 'nothing' ? '-x' : `-x ${offered(value)}`}`;
      lines.push(`complete -c convoy ${when} -l ${long.slice(2)} -d ${quoted(help)}${rest}`);
    }
  }
  return `${lines.join('\n')}\ncomplete -c tfjs-convoy -w convoy\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function offered(offer: Offer): string {
  switch (offer.kind) {
    case 'words':
      return `-a ${quoted(offer.words.join(' '))}`;
    case 'runs':
      return "-a '(__convoy_runs)'";
    case 'files':
      return '-F';
    case 'folders':
      return "-a '(__fish_complete_directories)'";
    case 'nothing':
      return '-f';
  }
}
