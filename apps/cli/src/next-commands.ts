import type { Command } from 'commander';
import { programName } from '@convoy/infra/program-name';
import { shellCommand } from '@convoy/convoy/shell-command';
import type { RunConfig } from '@convoy/protocol/run-config';
import { extendConfig } from '@convoy/run-store/extend-config';
import { resumeCommand } from './resume-command.ts';

/** A command to type next, and what for. */
export interface NextCommand {
  readonly purpose: string;
  readonly command: string;
}

export interface FinishedRun {
  readonly folder: string;
  readonly config: RunConfig;
  /** Why it ended. */
  readonly reason: string;
  /** Whether its best checkpoint is another than what it ended with. */
  readonly hasBetter: boolean;
}

/** What the commands of a run can be given anew: where its model and its data are. */
const PLACES = ['workload', 'dataDir'] as const;

/** The page of a run: for whoever wants to see what happened, however it ended. */
export function pageCommand(folder: string): NextCommand {
  return { purpose: 'see it', command: commandLine('dashboard', folder) };
}

/**
 * What one does with a run that has come to its end.
 * @param command that of the run, `given` the arguments after its name.
 */
export function nextCommands(run: FinishedRun, command: Command, given: readonly string[]): readonly NextCommand[] {
  const { folder, hasBetter } = run;
  const places = (wanted: readonly (typeof PLACES)[number][]) =>
    wanted.flatMap((name) => {
      const value = command.getOptionValue(name) as string | undefined;
      const flag = command.options.find((option) => option.attributeName() === name)?.long;
      return value === undefined || !flag ? [] : [flag, value];
    });
  const checkpoint = hasBetter ? ['--checkpoint', 'best'] : [];
  const longer = longerCommand(run, command, given);
  return [
    pageCommand(folder),
    { purpose: 'judge it', command: commandLine('evaluate', folder, ...checkpoint, ...places(PLACES)) },
    { purpose: 'curves', command: commandLine('history', folder) },
    {
      purpose: 'use it',
      command: commandLine('export', folder, '--format', 'keras', ...checkpoint, ...places(['workload'])),
    },
    ...(longer === null ? [] : [{ purpose: 'go on', command: longer }]),
  ];
}

/** What trains for twice as long; null where the run can't be made longer. */
function longerCommand({ folder, config, reason }: FinishedRun, command: Command, given: readonly string[]) {
  const { epochs, maxSteps, callbacks } = config;
  // A run that stopped by itself has had its reason, and callbacks may have decided something at its end.
  if (reason !== 'all steps are done' || callbacks.earlyStopping !== null || callbacks.reduceLROnPlateau !== null)
    return null;
  const length = maxSteps === null ? { epochs: 2 * epochs! } : { maxSteps: 2 * maxSteps };
  try {
    extendConfig(config, length);
  } catch {
    return null;
  }
  const flag = maxSteps === null ? '--epochs' : '--steps';
  return resumeCommand(command, given, folder, [[flag, String(2 * (maxSteps ?? epochs!))]]);
}

function commandLine(...words: readonly string[]): string {
  return shellCommand([...programName(), ...words]);
}
