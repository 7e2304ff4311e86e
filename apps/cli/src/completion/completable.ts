import { Help, type Command, type Option } from 'commander';

/** What a shell offers in a place of the command line. */
export type Offer =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** Folders in `runs` that a run has written to. */
  | { readonly kind: 'runs' | 'files' | 'folders' | 'nothing' };

export interface CompletableOption {
  /** With its dashes. */
  readonly long: string;
  readonly help: string;
  /** What its value may be; null for a switch. */
  readonly value: Offer | null;
}

export interface CompletableCommand {
  /** `runs compare`. */
  readonly path: string;
  readonly help: string;
  readonly options: readonly CompletableOption[];
  /** Commands below it. */
  readonly children: readonly { readonly name: string; readonly help: string }[];
  readonly argument: Offer;
}

/** All that shells may offer, from the commands that parse a command line. The first is the program itself. */
export function completableCommands(commands: readonly Command[]): readonly CompletableCommand[] {
  const root: CompletableCommand = {
    ...{ path: '', help: '', argument: { kind: 'nothing' } },
    options: [
      { long: '--help', help: 'show help', value: null },
      { long: '--version', help: 'show the version', value: null },
    ],
    children: commands.map(summaryOf),
  };
  return [root, ...commands.flatMap((command) => below(command, ''))];
}

function below(command: Command, parent: string): readonly CompletableCommand[] {
  const path = `${parent} ${command.name()}`.trim();
  const options = new Help().visibleOptions(command).filter(({ long }) => long !== undefined);
  const own: CompletableCommand = {
    path,
    help: firstSentence(command.description()),
    options: options.map((option) => ({
      long: option.long!,
      help: firstSentence(option.description),
      value: option.required || option.optional ? valueOf(option) : null,
    })),
    children: command.commands.map(summaryOf),
    argument: argumentOf(command),
  };
  return [own, ...command.commands.flatMap((child) => below(child, path))];
}

function summaryOf(command: Command) {
  return { name: command.name(), help: firstSentence(command.description()) };
}

function valueOf({ argChoices = [], long, flags }: Option): Offer {
  if (argChoices.length > 0) return { kind: 'words', words: argChoices };
  if (long === '--run' || long === '--resume') return { kind: 'runs' };
  if (/[<[](?:folder|dir|path)s?[>\]]/.test(flags)) return { kind: 'folders' };
  return /[<[](?:files?|url|module)[>\]]/.test(flags) ? { kind: 'files' } : { kind: 'nothing' };
}

/** Of the first argument, which names a run for most commands. */
function argumentOf({ registeredArguments: [argument] }: Command): Offer {
  if (argument === undefined) return { kind: 'nothing' };
  if ((argument.argChoices ?? []).length > 0) return { kind: 'words', words: argument.argChoices! };
  if (/^(?:runs?|folder)$/.test(argument.name())) return { kind: 'runs' };
  return /image|file|path/.test(argument.name()) ? { kind: 'files' } : { kind: 'nothing' };
}

/** A shell has one line for it. */
function firstSentence(text: string): string {
  return text.split(/[;\n]/)[0]!.trim();
}
