import type { Command } from 'commander';
import { askCoordinator, askFolder } from '@convoy/convoy/operate';
import type { OperatorRequest } from '@convoy/run-store/requests';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { callerFlags, coordinatorAt, isAddress } from '../flags/network.ts';
import { wholeNumber } from '../flags/values.ts';
import { runFlag, runNamed } from '../run-argument.ts';

const WHERE = "the run's folder, or the coordinator's address";
const askFlags = flagTable({ ...runFlag, ...callerFlags });
const drainFlags = flagTable({
  ...askFlags,
  rank: { takes: '<n>', parse: wholeNumber, help: "the worker's rank, as the run's lines name it", isRequired: true },
});
type AskFlags = FlagValues<typeof askFlags>;

/** `drain`: lets a worker of a run that is training finish its work and leave. */
export function drainCommand(): Command {
  const command = newCommand('drain')
    .description('let a worker finish what it holds and leave; the run goes on with the others')
    .argument('[run]', WHERE);
  return addFlags(command, drainFlags)
    .addHelpText('after', examples('drain', ' --rank 1'))
    .action((named: string | undefined, flags: FlagValues<typeof drainFlags>, self: Command) => {
      const { rank } = flags;
      return ask(
        { type: 'drain', rank },
        named,
        flags,
        self,
        (run) => `worker ${rank} of ${run} finishes what it holds and leaves`,
      );
    });
}

/** `stop`: ends a run where it stands. */
export function stopCommand(): Command {
  const command = newCommand('stop')
    .description('end a run where it stands, with a checkpoint; its workers leave, and it can be resumed')
    .argument('[run]', WHERE);
  return addFlags(command, askFlags)
    .addHelpText('after', examples('stop'))
    .action((named: string | undefined, flags: AskFlags, self: Command) =>
      ask({ type: 'stop' }, named, flags, self, (run) => `${run} stops, and writes a checkpoint`),
    );
}

/** `checkpoint`: has a run write a checkpoint soon. */
export function checkpointCommand(): Command {
  const command = newCommand('checkpoint')
    .description('have a run write a checkpoint after the step that it is computing')
    .argument('[run]', WHERE);
  return addFlags(command, askFlags)
    .addHelpText('after', examples('checkpoint'))
    .action((named: string | undefined, flags: AskFlags, self: Command) =>
      ask(
        { type: 'checkpoint' },
        named,
        flags,
        self,
        (run) => `${run} writes a checkpoint after the step that it is computing`,
      ),
    );
}

/** `pause`: has a run stand still between two steps. */
export function pauseCommand(): Command {
  const command = newCommand('pause')
    .description('let a run stand still after the step that it is computing, with a checkpoint; its workers stay')
    .argument('[run]', WHERE);
  return addFlags(command, askFlags)
    .addHelpText('after', examples('pause'))
    .action((named: string | undefined, flags: AskFlags, self: Command) =>
      ask(
        { type: 'pause' },
        named,
        flags,
        self,
        (run) =>
          `${run} pauses after the step that it is computing, with a checkpoint; go on with: convoy unpause ${run}`,
      ),
    );
}

/** `unpause`: lets a run go on that was paused. */
export function unpauseCommand(): Command {
  const command = newCommand('unpause').description('let a run go on that was paused').argument('[run]', WHERE);
  return addFlags(command, askFlags)
    .addHelpText('after', examples('unpause'))
    .action((named: string | undefined, flags: AskFlags, self: Command) =>
      ask({ type: 'unpause' }, named, flags, self, (run) => `${run} goes on`),
    );
}

async function ask(
  request: OperatorRequest,
  named: string | undefined,
  flags: AskFlags,
  command: Command,
  done: (run: string) => string,
): Promise<void> {
  const run = runNamed(named, flags, command);
  if (isAddress(run)) await askCoordinator(coordinatorAt(run, flags, 'operator'), request);
  else await askFolder(run, request);
  process.stdout.write(`${done(run)}\n`);
}

function examples(name: string, more = ''): string {
  return `
Examples:
  $ convoy ${name} runs/20261124-051200-quick-3f9a${more}
  $ convoy ${name} wss://192.0.2.10:7311 --tls-fingerprint sha256:…${more}     with an operator's token in CONVOY_TOKEN`;
}
