import type { Command } from 'commander';
import { OperatorError } from '@convoy/protocol/errors';
import { flagTable, type FlagValues } from './flags/flag.ts';

/** The other way to name the run that a command is about. */
export const runFlag = flagTable({ run: { takes: '<folder>', help: "the run's folder, in place of the argument" } });

/** @throws OperatorError when the run is named twice or not at all. */
export function runNamed(
  argument: string | undefined,
  { run }: FlagValues<typeof runFlag>,
  command: Pick<Command, 'name'>,
): string {
  if (argument !== undefined && run !== undefined) {
    throw new OperatorError(`name one run: ${argument}, or --run ${run}`);
  }
  const named = argument ?? run;
  if (named !== undefined) return named;
  throw new OperatorError(`name the run's folder: convoy ${command.name()} runs/…`);
}
