import type { CompletableCommand, Offer } from './completable.ts';

/** A completion script for zsh. */
export function zshCompletion(commands: readonly CompletableCommand[]): string {
  const [root] = commands;
  const paths = commands.filter(({ path }) => path !== '');
  const values = paths.flatMap(({ path, options }) =>
    options.flatMap(({ long, value }) =>
      value === null ? [] : [`    '${path} ${long}') ${offered(value)}; return ;;`],
    ),
  );
  const options = paths.map(({ path, options: each }) => {
    const words = each.map(({ long, help }) => described(long, help));
    return `      '${path}') offers=(${words.join(' ')}) ;;`;
  });
  const rest = paths.map(({ path, children, argument }) => {
    const words = children.map(({ name, help }) => described(name, help));
    const below = words.length === 0 ? '' : `offers=(${words.join(' ')}); _describe command offers; `;
    return `    '${path}') ${below}${offered(argument)} ;;`;
  });
  const nested = paths.filter(({ path }) => path.includes(' ')).map(({ path }) => quoted(path));
  return `#compdef convoy tfjs-convoy
# Completion of convoy for zsh, made by: convoy completion zsh

# Runs are folders with an events.jsonl.
_convoy_runs() {
  local -a found
  found=(runs/*/events.jsonl(N:h))
  if (( $#found )); then compadd -a found; else _files -/; fi
}

_convoy() {
  local command='' before="\${words[CURRENT-1]}" word
  local -a offers
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ "$word" == -* ]] && continue
    if [[ -z "$command" ]]; then command="$word"; continue; fi
    case "$command $word" in (${nested.length === 0 ? '__none__' : nested.join('|')}) command="$command $word" ;; esac
    break
  done
  if [[ -z "$command" ]]; then
    offers=(${root!.children.map(({ name, help }) => described(name, help)).join(' ')})
    _describe command offers
    return
  fi
  case "$command $before" in
${values.join('\n')}
  esac
  if [[ "$PREFIX" == -* ]]; then
    case "$command" in
${options.join('\n')}
    esac
    _describe option offers
    return
  fi
  case "$command" in
${rest.join('\n')}
  esac
}

if [[ "$funcstack[1]" == _convoy ]]; then _convoy "$@"; else compdef _convoy convoy tfjs-convoy; fi
`;
}

function described(word: string, help: string): string {
  return quoted(`${word}:${help}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function offered(offer: Offer): string {
  switch (offer.kind) {
    case 'words':
      return `compadd -- ${offer.words.map(quoted).join(' ')}`;
    case 'runs':
      return '_convoy_runs';
    case 'files':
      return '_files';
    case 'folders':
      return '_files -/';
    case 'nothing':
      return ':';
  }
}
