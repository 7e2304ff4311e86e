import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { runsIn } from '@convoy/dashboard/serve/run-list';
import { OperatorError } from '@convoy/protocol/errors';
import { flagTable, type FlagValues } from './flags/flag.ts';

const RUNS = 'runs';

/** The other way to name the run that a command is about. */
export const runFlag = flagTable({ run: { takes: '<folder>', help: "the run's folder, in place of the argument" } });

/** The run that is named, or else the one in `runs` that was written to last. @throws OperatorError when it is named twice, or there is none. */
export function runNamedOrNewest(
  argument: string | undefined,
  flags: FlagValues<typeof runFlag>,
  command: Pick<Command, 'name'>,
): string {
  if (argument !== undefined || flags.run !== undefined) return runNamed(argument, flags, command);
  const newest = existsSync(RUNS) ? runsIn(RUNS).list()[0] : undefined;
  if (newest === undefined)
    throw new OperatorError(`there is no run in ${RUNS}: name its folder, or its coordinator's address`);
  return join(RUNS, newest.name);
}

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
