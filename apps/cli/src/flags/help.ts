import { Command, Help, type Option } from 'commander';
import { FlagOption } from './flag.ts';

const ALL = '--help-all';

/** A command whose help shows choices and defaults in few words. */
export function newCommand(name: string): Command {
  return new Command(name).configureHelp({ optionDescription }).helpOption('-h, --help', 'show this help');
}

/**
 * Folds a command's help to the options that most people need, and adds an option that shows all of them.
 * Call it when the command has its options.
 */
export function foldHelp(command: Command): Command {
  let isWhole = false;
  const visibleOptions = (shown: Command): Option[] => {
    const options = Help.prototype.visibleOptions.call(new Help(), shown);
    return isWhole ? options : options.filter((option) => !(option instanceof FlagOption) || option.isCommon);
  };
  const folded = Help.prototype.visibleOptions
    .call(new Help(), command)
    .filter((option) => option instanceof FlagOption && !option.isCommon);
  const heading = 'Help:';
  command
    .configureHelp({ optionDescription, visibleOptions })
    .optionsGroup(heading)
    .helpOption('-h, --help', 'show this help')
    .option(ALL, `show all options, ${folded.length} more`)
    .on('option:help-all', () => {
      isWhole = true;
      command.help();
    });
  return command;
}

/** What an option is for, with its choices, its default and its variable in parentheses. */
function optionDescription(option: Option): string {
  const { description } = option;
  const remarks = optionRemarks(option);
  return remarks.length === 0 ? description : `${description} (${remarks.join('; ')})`;
}

/** An option's choices, its default and its variable, in words. */
export function optionRemarks({
  argChoices,
  defaultValue,
  defaultValueDescription,
  envVar,
}: Option): readonly string[] {
  const byDefault = defaultValueDescription ?? (isShown(defaultValue) ? String(defaultValue) : undefined);
  return [
    argChoices?.join(', '),
    byDefault === undefined ? undefined : `default: ${byDefault}`,
    envVar === undefined ? undefined : `env: ${envVar}`,
  ].filter((remark) => remark !== undefined);
}

/** That a switch is off goes without saying. */
function isShown(value: unknown): boolean {
  return value !== undefined && typeof value !== 'boolean' && !(Array.isArray(value) && value.length === 0);
}
