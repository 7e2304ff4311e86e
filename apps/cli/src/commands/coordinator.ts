import { once } from 'node:events';
import type { Command } from 'commander';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { foldHelp, newCommand } from '../flags/help.ts';
import { runFlags } from '../flags/run.ts';
import { wholeNumber } from '../flags/values.ts';
import { programName } from '@convoy/infra/program-name';
import { isLoopback, openDoor, reachableUrl } from '@convoy/server/serve';
import type { ServedRun } from '@convoy/server/serve-run';
import { DEFAULT_BACKOFF } from '@convoy/transport/dial';
import { mostParameters } from '@convoy/workload/open-workload';
import { Display } from '../display.ts';
import { reportEnd } from '../report-end.ts';
import { shellCommand } from '../shell-command.ts';
import { serveShown, shownOptions } from '../shown-run.ts';
import { stopSignals } from '../stop-signals.ts';

export const DEFAULT_PORT = 7311;
const NETWORK = 'Network:';

const coordinatorFlags = flagTable({
  host: {
    takes: '<address>',
    help: 'address to listen on',
    default: '127.0.0.1' as string,
    group: NETWORK,
    isCommon: true,
  },
  port: {
    takes: '<n>',
    parse: wholeNumber,
    help: 'port to listen on; 0 for any free port',
    default: DEFAULT_PORT as number,
    group: NETWORK,
    isCommon: true,
  },
  linger: {
    takes: '<s>',
    parse: wholeNumber,
    help: 'after the end, wait this many seconds for workers that lost the connection, to tell them',
    default: DEFAULT_BACKOFF.limitMs / 1000,
    group: NETWORK,
  },
  ...runFlags,
});
type CoordinatorFlags = FlagValues<typeof coordinatorFlags>;

/** `coordinator`: the parameter server alone; workers come from wherever they are started. */
export function coordinatorCommand(): Command {
  const command = newCommand('coordinator').description(
    'serve a run to workers on other machines, until training ends',
  );
  return foldHelp(addFlags(command, coordinatorFlags))
    .addHelpText(
      'after',
      `
Examples:
  $ convoy coordinator --host 0.0.0.0 --recipe lesson
  $ convoy coordinator --host 0.0.0.0 --resume runs/20261124-051200-lesson-3f9a

It prints the command that starts a worker. There is no authentication: listen
only on addresses that nobody but your workers can reach.`,
    )
    .action(coordinate);
}

async function coordinate(flags: CoordinatorFlags, command: Command): Promise<void> {
  const stop = stopSignals();
  const display = new Display();
  const door = await openDoor(flags.host, flags.port, await mostParameters(flags.workload));
  try {
    const url = reachableUrl(door.listener);
    const options = shownOptions(flags, { url }, display, stop);
    const run = await serveShown(options, display, stop);
    display.workerCommand = shellCommand([
      ...[...programName(), 'worker', '--url', url],
      ...(run.deterministic ? ['--threads', '1'] : []),
      ...(flags.workload === undefined ? [] : ['--workload', flags.workload]),
    ]);
    door.letIn(run);
    if (!isLoopback(door.listener.host)) {
      const who = 'whoever reaches this port can read the parameters and take part in the run';
      display.warn(`listening on ${door.listener.host}, port ${door.listener.port}: ${who}; there are no passwords`);
    }
    display.line(`listening on ${url}; start workers with:\n\n  ${display.workerCommand}\n`);
    await reportEnd(run, { display, json: flags.json, stop, command });
    await sayGoodbye(run, 1000 * flags.linger, display, stop.signal);
  } finally {
    display.close();
    await door.listener.close();
  }
}

/** Stays for the workers that don't know yet that the run is over: they would look for it for as long as their patience lasts. */
async function sayGoodbye(run: ServedRun, ms: number, display: Display, stopped: AbortSignal): Promise<void> {
  const untold = run.untold(ms);
  if (untold === 0 || stopped.aborted) return;
  const who = untold === 1 ? 'a worker that has' : `${untold} workers that have`;
  display.line(`staying ${ms / 1000} s at most for ${who} lost the connection, to say that the run is over`);
  await Promise.race([run.farewell(ms), once(stopped, 'abort')]);
}
