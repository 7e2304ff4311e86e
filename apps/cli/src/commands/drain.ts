import type { Command } from 'commander';
import { drain } from '@convoy/convoy/drain';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { wholeNumber } from '../flags/values.ts';
import { runFlag, runNamed } from '../run-argument.ts';

const drainFlags = flagTable({
  ...runFlag,
  rank: { takes: '<n>', parse: wholeNumber, help: "the worker's rank, as the run's lines name it", isRequired: true },
});

/** `drain`: lets a worker of a run that is training finish its work and leave. */
export function drainCommand(): Command {
  const command = newCommand('drain')
    .description('let a worker finish what it holds and leave; the run goes on with the others')
    .argument('[run]', "the run's folder");
  return addFlags(command, drainFlags)
    .addHelpText('after', '\nExample:\n  $ convoy drain runs/20261124-051200-quick-3f9a --rank 1')
    .action(drainWorker);
}

async function drainWorker(
  named: string | undefined,
  flags: FlagValues<typeof drainFlags>,
  command: Command,
): Promise<void> {
  const run = runNamed(named, flags, command);
  await drain(run, flags.rank);
  process.stdout.write(`worker ${flags.rank} of ${run} finishes what it holds and leaves\n`);
}
