import { Option, type Command } from 'commander';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { Settings } from '@convoy/training/settings';
import { oneOf } from './values.ts';

/** An option of the command line, as a table of flags declares it under its name: `clipNorm` is `--clip-norm`. */
export interface Flag {
  /** What follows it, as the help shows it: `<n>`, or `[n]` where it may be left out. A switch takes nothing. */
  readonly takes?: `<${string}>` | `[${string}]`;
  readonly help: string;
  /** The heading that the help lists it under. */
  readonly group?: string;
  /** Whether the short help has it, of a command whose help is folded. */
  readonly isCommon?: true;
  /** @throws InvalidArgumentError saying what the text must be. */
  readonly parse?: (text: string, before: never) => unknown;
  readonly choices?: readonly string[];
  readonly default?: unknown;
  /** How the help shows the default; of a flag without one, what holds when it is not given. */
  readonly defaultText?: string;
  readonly env?: string;
  readonly isRequired?: true;
  /** It has a negation, `--no-…`; the help lists the one that changes something where nobody says otherwise. */
  readonly negation?: 'listed' | 'hidden';
  /** Flags by name that it can't be used with. */
  readonly conflicts?: readonly string[];
  /**
   * Where its value goes in a run's settings: a path or several, or the settings themselves. A `?.` in a path means: only where
   * there is such an object, in the configuration below or by another flag.
   * @param below what the settings are over: the layers below and the flags before this one.
   */
  readonly setting?: string | readonly string[] | ((value: never, below: RunConfig) => Settings);
  /** Flags by name, one of which must be given, or its setting be there already. */
  readonly needs?: readonly string[];
  /** The value as text that `parse` takes, where `String` is not. */
  readonly text?: (value: never) => string;
}

export type FlagTable = Readonly<Record<string, Flag>>;

/** The values that a command line gives a table's flags. */
export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table as Table[Name] extends Given ? Name : never]: ValueOf<Table[Name]>;
} & {
  readonly [Name in keyof Table as Table[Name] extends Given ? never : Name]?: ValueOf<Table[Name]> | undefined;
};

type Given = { readonly default: unknown } | { readonly isRequired: true };
type ValueOf<Each> =
  | (Each extends { readonly parse: (text: string, before: never) => infer Value }
      ? Value
      : Each extends { readonly choices: readonly (infer Choice)[] }
        ? Choice
        : Each extends { readonly takes: string }
          ? string
          : boolean)
  | (Each extends { readonly takes: `[${string}]` } ? true : never);

/** A table of flags: for its types. */
export function flagTable<const Table extends FlagTable>(table: Table): Table {
  return table;
}

/** An option of commander's that knows whether the short help lists it. */
export class FlagOption extends Option {
  isCommon = false;
}

/** Adds a table's flags to a command, in their order. */
export function addFlags(command: Command, table: FlagTable): Command {
  for (const [name, flag] of Object.entries(table))
    for (const option of optionsOf(name, flag)) command.addOption(option);
  return command;
}

/** Some flags of a table, in that order. */
export function pickFlags<Table extends FlagTable, Name extends keyof Table & string>(
  table: Table,
  ...names: readonly Name[]
): Pick<Table, Name> {
  return Object.fromEntries(names.map((name) => [name, table[name]])) as Pick<Table, Name>;
}

/** The arguments that give another convoy process the same values, for as many flags of the table as have one. */
export function argumentsOf<Table extends FlagTable>(table: Table, values: Partial<FlagValues<Table>>): string[] {
  const given = values as Readonly<Record<string, unknown>>;
  return Object.entries<Flag>(table).flatMap(([name, { negation, text = String }]) => {
    const value = given[name];
    if (value === undefined) return [];
    if (value === true) return [longOf(name)];
    if (value === false) return negation === undefined ? [] : [longOf(name, 'no-')];
    return [longOf(name), text(value as never)];
  });
}

/** `--clip-norm` of `clipNorm`. */
export function longOf(name: string, prefix = ''): string {
  return `--${prefix}${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function optionsOf(name: string, flag: Flag): readonly Option[] {
  const { takes, negation, help } = flag;
  const option = new FlagOption(takes === undefined ? longOf(name) : `${longOf(name)} ${takes}`, help);
  if (negation === undefined) return [describe(option, flag)];
  const negative = new FlagOption(longOf(name, 'no-'), help);
  // In this order: a negation alone would make the default true.
  return [
    describe(option, flag).hideHelp(negation === 'listed'),
    describe(negative, flag).hideHelp(negation === 'hidden'),
  ];
}

function describe(option: FlagOption, flag: Flag): FlagOption {
  const { group, isCommon = false, parse, choices, env, isRequired = false, conflicts = [] } = flag;
  option.isCommon = isCommon;
  option
    .default(flag.default, flag.defaultText)
    .makeOptionMandatory(isRequired)
    .conflicts([...conflicts]);
  if (group !== undefined) option.helpGroup(group);
  if (env !== undefined) option.env(env);
  if (choices !== undefined) {
    option.argParser(oneOf(choices));
    option.argChoices = [...choices];
  }
  if (parse !== undefined) option.argParser(parse as (text: string, before: unknown) => unknown);
  return option;
}
