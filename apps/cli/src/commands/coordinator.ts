import { once } from 'node:events';
import { Command } from 'commander';
import { addRunOptions, wholeNumber, type RunFlags } from '../flags/run.ts';
import { openDoor, reachableUrl } from '@convoy/server/serve';
import type { ParameterServer } from '@convoy/server/server';
import { DEFAULT_BACKOFF } from '@convoy/transport/dial';
import { mostParameters } from '@convoy/workload/open-workload';
import { Display } from '../display.ts';
import { reportEnd } from '../report-end.ts';
import { prepareShown, shownOptions, shownReopen } from '../shown-run.ts';
import { stopSignals } from '../stop-signals.ts';

interface CoordinatorFlags extends RunFlags {
  readonly host: string;
  readonly port: number;
  readonly linger: number;
}

export const DEFAULT_PORT = 7311;

/** `coordinator`: the parameter server alone; workers come from wherever they are started. */
export function coordinatorCommand(): Command {
  const command = new Command('coordinator')
    .description('serve a run to workers on other machines; ends when training ends')
    .option('--host <address>', 'address to listen on; 0.0.0.0 for every interface', '127.0.0.1')
    .option('--port <n>', 'port to listen on; 0 takes a free one', wholeNumber, DEFAULT_PORT)
    .option(
      '--linger <s>',
      'seconds to stay after the end for workers that just lost their connection, to tell them',
      wholeNumber,
      DEFAULT_BACKOFF.limitMs / 1000,
    );
  return addRunOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ convoy coordinator --host 0.0.0.0 --recipe lesson       prints the command that starts a worker
  $ convoy coordinator --port 0 --min-workers 2 --json
  $ convoy coordinator --host 0.0.0.0 --resume runs/…       after a crash: workers that wait for it go on by themselves

There is no authentication: listen on addresses that only your workers can reach.`,
    )
    .action(coordinate);
}

async function coordinate(flags: CoordinatorFlags): Promise<void> {
  const stop = stopSignals();
  const display = new Display();
  const door = await openDoor(flags.host, flags.port, await mostParameters(flags.workload));
  try {
    const url = reachableUrl(door.listener);
    const options = shownOptions(flags, { url }, display, stop);
    let prepared = await prepareShown(options, display, stop);
    const { server, deterministic } = prepared;
    const workload = flags.workload === undefined ? '' : ` --workload ${flags.workload}`;
    display.workerCommand = `npx convoy worker --url ${url}${deterministic ? ' --threads 1' : ''}${workload}`;
    door.letIn(server);
    display.line(`listening on ${url}; start workers with:\n\n  ${display.workerCommand}\n`);
    const reopen = shownReopen(options, stop);
    for (let next = await reopen(prepared); next !== null; next = await reopen(prepared)) {
      prepared = next;
      door.letIn(next.server);
    }
    await reportEnd(prepared, display, flags.json, stop);
    await sayGoodbye(prepared.server, 1000 * flags.linger, display, stop.signal);
  } finally {
    display.close();
    await door.listener.close();
  }
}

/** Stays for the workers that don't know yet that the run is over: they would look for it for as long as their patience lasts. */
async function sayGoodbye(server: ParameterServer, ms: number, display: Display, stopped: AbortSignal): Promise<void> {
  const untold = server.untold(ms);
  if (untold === 0 || stopped.aborted) return;
  const who = untold === 1 ? 'a worker that has' : `${untold} workers that have`;
  display.line(`staying ${ms / 1000} s at most for ${who} lost the connection, to say that the run is over`);
  await Promise.race([server.farewell(ms), once(stopped, 'abort')]);
}
