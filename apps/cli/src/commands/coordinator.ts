import { once } from 'node:events';
import type { Command } from 'commander';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { foldHelp, newCommand } from '../flags/help.ts';
import { runFlags } from '../flags/run.ts';
import { wholeNumber } from '../flags/values.ts';
import { programName } from '@convoy/infra/program-name';
import { shellCommand } from '@convoy/convoy/shell-command';
import { openDoor, reachableUrl } from '@convoy/server/serve';
import type { ServedRun } from '@convoy/server/serve-run';
import { openSupplies } from '@convoy/server/supplies/open-supplies';
import { supplyRoutes } from '@convoy/server/supplies/routes';
import type { Supplies } from '@convoy/server/supplies/supplies';
import { DEFAULT_BACKOFF } from '@convoy/transport/dial';
import { isLoopback } from '@convoy/transport/listen';
import { mostParameters } from '@convoy/workload/open-workload';
import { Display } from '../display.ts';
import { reportEnd } from '../report-end.ts';
import { serveShown, shownOptions } from '../shown-run.ts';
import { stopSignals } from '../stop-signals.ts';

export const DEFAULT_PORT = 7311;
const NETWORK = 'Network:';

export const coordinatorFlags = flagTable({
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
export type CoordinatorFlags = FlagValues<typeof coordinatorFlags>;

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
    .action((flags: CoordinatorFlags, command: Command) => coordinate(flags, command));
}

/** What whoever starts a coordinator's workers needs to know. */
export interface Listening {
  readonly url: string;
  /** Arguments of `convoy worker`, beside the address, that the run asks for. */
  readonly workerArguments: readonly string[];
  readonly run: ServedRun;
  readonly display: Display;
}

/** @param startWorkers is called once workers can connect, and returns what waits for them to leave; without, people start workers. */
export async function coordinate(
  flags: CoordinatorFlags,
  command: Command,
  startWorkers?: (listening: Listening) => () => Promise<void>,
): Promise<void> {
  const stop = stopSignals();
  const display = new Display();
  const { host, port } = flags;
  const door = await openDoor({ host, port, parameterCount: await mostParameters(flags.workload) });
  let supplies: Supplies | null = null;
  door.add(...supplyRoutes(() => supplies));
  try {
    const url = reachableUrl(door.listener);
    const options = shownOptions(flags, { url }, display, stop);
    const run = await serveShown(options, display, stop);
    supplies = await openSupplies(run, flags.workload, (line) => display.warn(line));
    const workerArguments = [
      ...(run.deterministic ? ['--threads', '1'] : []),
      ...workloadArguments(flags.workload, supplies),
    ];
    if (startWorkers === undefined) {
      display.workerCommand = shellCommand([...programName(), 'worker', '--url', url, ...workerArguments]);
    }
    door.letIn(run);
    if (!isLoopback(door.listener.host)) {
      const who = 'whoever reaches this port can read the parameters and take part in the run';
      display.warn(`listening on ${door.listener.host}, port ${door.listener.port}: ${who}; there are no passwords`);
    }
    const startThem = startWorkers === undefined ? `; start workers with:\n\n  ${display.workerCommand}\n` : '';
    display.line(`listening on ${url}${startThem}`);
    const workersLeft = startWorkers?.({ url, workerArguments, run, display });
    try {
      await reportEnd(run, { display, json: flags.json, stop, command });
    } finally {
      await workersLeft?.();
    }
    // Whoever starts the workers has waited for them.
    if (startWorkers === undefined) await sayGoodbye(run, 1000 * flags.linger, display, stop.signal);
  } finally {
    display.close();
    await door.listener.close();
  }
}

/** A worker fetches the workload, unless it is one that can't be sent. */
function workloadArguments(workload: string | undefined, { code }: Supplies): readonly string[] {
  if (workload === undefined) return [];
  return code === null ? ['--workload', workload] : ['--allow-workload'];
}

/** Stays for the workers that don't know yet that the run is over: they would look for it for as long as their patience lasts. */
async function sayGoodbye(run: ServedRun, ms: number, display: Display, stopped: AbortSignal): Promise<void> {
  const untold = run.untold(ms);
  if (untold === 0 || stopped.aborted) return;
  const who = untold === 1 ? 'a worker that has' : `${untold} workers that have`;
  display.line(`staying ${ms / 1000} s at most for ${who} lost the connection, to say that the run is over`);
  await Promise.race([run.farewell(ms), once(stopped, 'abort')]);
}
