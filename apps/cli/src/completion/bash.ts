import type { CompletableCommand, Offer } from './completable.ts';

/** A completion script for bash, which needs nothing else. */
export function bashCompletion(commands: readonly CompletableCommand[]): string {
  const [root] = commands;
  const paths = commands.filter(({ path }) => path !== '');
  const values = paths.flatMap(({ path, options }) =>
    options.flatMap(({ long, value }) => (value === null ? [] : [`    '${path} ${long}') ${offered(value)} ;;`])),
  );
  const options = paths.map(
    ({ path, options: each }) => `    '${path}') words='${each.map(({ long }) => long).join(' ')}' ;;`,
  );
  const rest = paths.map(({ path, children, argument }) => {
    const below = children.length === 0 ? '' : `_convoy_words '${children.map(({ name }) => name).join(' ')}'; `;
    return `    '${path}') ${below}${argument.kind === 'nothing' ? ':' : offered(argument)} ;;`;
  });
  const nested = paths.filter(({ path }) => path.includes(' ')).map(({ path }) => `'${path}'`);
  return `# Completion of convoy for bash, made by: convoy completion bash

_convoy_words() {
  local word
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$1" -- "$cur")
}

_convoy_paths() {
  local path
  compopt -o filenames 2>/dev/null
  while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$cur")
}

# Runs are folders with an events.jsonl.
_convoy_runs() {
  local folder
  for folder in runs/*/; do
    [[ -f "\${folder}events.jsonl" && "\${folder%/}" == "$cur"* ]] && COMPREPLY+=("\${folder%/}")
  done
  [[ \${#COMPREPLY[@]} -eq 0 ]] && _convoy_paths -d
}

_convoy() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command='' words='' word at
  COMPREPLY=()
  # --option=value is three words to bash.
  if [[ "$cur" == '=' ]]; then cur=''
  elif [[ "$before" == '=' ]]; then before="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
    [[ "$word" == -* ]] && continue
    if [[ -z "$command" ]]; then command="$word"; continue; fi
    case "$command $word" in${nested.length === 0 ? ' __none__' : ` ${nested.join('|')}`}) command="$command $word" ;; esac
    break
  done
  if [[ -z "$command" ]]; then
    _convoy_words '${[...root!.children.map(({ name }) => name), ...root!.options.map(({ long }) => long)].join(' ')}'
    return
  fi
  if [[ "$before" == --* ]]; then
    case "$command $before" in
${values.map((line) => line.replace(/^ {4}/, '    ').replace(/ ;;$/, '; return ;;')).join('\n')}
    esac
  fi
  if [[ "$cur" == -* ]]; then
    case "$command" in
${options.join('\n')}
    esac
    _convoy_words "$words"
    return
  fi
  case "$command" in
${rest.join('\n')}
  esac
}

complete -F _convoy convoy tfjs-convoy
`;
}

function offered(offer: Offer): string {
  switch (offer.kind) {
    case 'words':
      return `_convoy_words '${offer.words.join(' ')}'`;
    case 'runs':
      return '_convoy_runs';
    case 'files':
      return '_convoy_paths -f';
    case 'folders':
      return '_convoy_paths -d';
    case 'nothing':
      return ':';
  }
}
