import { once } from 'node:events';
import type { Command } from 'commander';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { foldHelp, newCommand } from '../flags/help.ts';
import { guardFlags, NETWORK, openFlag } from '../flags/network.ts';
import { runFlags } from '../flags/run.ts';
import { wholeBetween, wholeNumber } from '../flags/values.ts';
import { PROGRAM_ANYWHERE, programName } from '@convoy/infra/program-name';
import { faultsTo, guardDoor, missingGuards, type DoorGuard } from '@convoy/convoy/guarded-door';
import { shellCommand } from '@convoy/convoy/shell-command';
import { modelsOf } from '@convoy/convoy/offered-models';
import { openBrowser } from '@convoy/dashboard/serve/open-browser';
import { oneRun } from '@convoy/dashboard/serve/run-list';
import { dashboard, type Dashboard } from '@convoy/dashboard/serve/routes';
import { OperatorError } from '@convoy/protocol/errors';
import { controlRoutes } from '@convoy/server/control-routes';
import { openDoor, reachableUrl } from '@convoy/server/serve';
import type { ServedRun } from '@convoy/server/serve-run';
import { openSupplies } from '@convoy/server/supplies/open-supplies';
import { supplyRoutes } from '@convoy/server/supplies/routes';
import type { Supplies } from '@convoy/server/supplies/supplies';
import { DEFAULT_PORT } from '@convoy/transport/default-port';
import { DEFAULT_BACKOFF } from '@convoy/transport/dial';
import type { Listener } from '@convoy/transport/listen';
import { addressOf } from '@convoy/transport/http-request';
import { isLoopback } from '@convoy/transport/loopback';
import { fingerprintText } from '@convoy/transport/server-trust';
import { mostParameters } from '@convoy/workload/open-workload';
import { Display } from '../terminal/display.ts';
import { reportEnd } from '../report-end.ts';
import { serveShown, shownOptions } from '../shown-run.ts';
import { stopSignals } from '../stop-signals.ts';

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
    parse: wholeBetween(0, 65_535),
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
  ...guardFlags,
  ...runFlags,
  ...openFlag,
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
  $ convoy token --file convoy-tokens
  $ convoy coordinator --host :: --token-file convoy-tokens --tls self-signed

It prints the command that starts a worker. Beyond this machine it listens only
with tokens and TLS, or with --insecure.`,
    )
    .action((flags: CoordinatorFlags, command: Command) => coordinate(flags, command));
}

/** What whoever starts a coordinator's workers needs to know. */
export interface Listening {
  readonly url: string;
  /** Arguments of `convoy worker`, beside the address, that the run asks for. */
  readonly workerArguments: readonly string[];
  /** What a worker that starts now shows; null where none is needed, or only its digest is known here. */
  readonly token: () => string | null;
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
  const display = new Display({ quiet: flags.quiet });
  const { host, port } = flags;
  const onNote = (line: string) => display.warn(line);
  const about = { environment: process.env, runFolder: flags.resume ?? flags.runDir, onNote };
  const guard = await guardDoor(flags, about);
  const { tokens, tls } = guard;
  if (!flags.insecure) assertGuarded(host, await missingGuards(host, guard), command);
  const parameterCount = await mostParameters(flags.workload);
  const door = await openDoor({ host, port, parameterCount, tokens: tokens.book, tls, onFault: faultsTo(onNote) });
  let supplies: Supplies | null = null;
  let page: Dashboard | null = null;
  door.add(...supplyRoutes(() => supplies));
  try {
    const url = reachableUrl(door.listener, tls !== null);
    const options = shownOptions(flags, { url }, display, stop);
    const run = await serveShown(options, display, stop);
    supplies = await openSupplies(run, flags.workload, (line) => display.warn(line));
    const pinned = tls?.isSelfSigned ? ['--tls-fingerprint', fingerprintText(tls.fingerprint)] : [];
    const workerArguments = [
      ...pinned,
      ...(run.deterministic ? ['--threads', '1'] : []),
      ...workloadArguments(flags.workload, supplies),
    ];
    if (startWorkers === undefined) {
      display.workerCommand = shellCommand([...PROGRAM_ANYWHERE, 'worker', '--url', url, ...workerArguments]);
    }
    page = dashboard(oneRun(run.folder), modelsOf(run));
    door.add(...controlRoutes(run), ...page.routes);
    door.letIn(run);
    warnOfOpenDoor(door.listener, guard, onNote);
    const withToken = tokens.book === null ? ' with' : ", with a worker's token in CONVOY_TOKEN";
    const startThem = startWorkers === undefined ? `; start workers${withToken}:\n\n  ${display.workerCommand}\n` : '';
    display.line(`listening on ${url}${startThem}`);
    const link = shellCommand([...programName(), 'dashboard', url, ...pinned]);
    display.line(
      tokens.book === null
        ? `page: ${addressOf(url, '/').href}`
        : `page: with a viewer's token in CONVOY_TOKEN, this makes a link that opens it:\n\n  ${link}\n`,
    );
    if (flags.open) {
      if (tokens.book === null) openBrowser(addressOf(url, '/').href, onNote);
      else onNote('--open opens nothing here: a browser needs such a link');
    }
    const workersLeft = startWorkers?.({ url, workerArguments, token: () => tokens.workerToken(), run, display });
    try {
      await reportEnd(run, { display, json: flags.json, stop, command });
    } finally {
      await workersLeft?.();
    }
    // Whoever starts the workers has waited for them.
    if (startWorkers === undefined) await sayGoodbye(run, 1000 * flags.linger, display, stop.signal);
  } finally {
    display.close();
    page?.close();
    await door.listener.close();
    tokens.close();
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

const TOKENS = 'convoy-tokens';

/** @throws OperatorError with the commands that give a door what it lacks. */
function assertGuarded(host: string, missing: readonly ('tokens' | 'TLS')[], command: Command): void {
  if (missing.length === 0) return;
  const program = programName();
  const needsTokens = missing.includes('tokens');
  const more = [
    ...(needsTokens ? ['--token-file', TOKENS] : []),
    ...(missing.includes('TLS') ? ['--tls', 'self-signed'] : []),
  ];
  const commands = [
    ...(needsTokens ? [[...program, 'token', '--file', TOKENS]] : []),
    [...program, command.name(), ...process.argv.slice(3), ...more],
  ];
  throw new OperatorError(
    `listening on ${host} without ${missing.join(' and ')} would let others read the parameters and feed gradients; instead:\n\n${commands.map((words) => `  ${shellCommand(words)}\n`).join('')}\nor, where nobody but your workers can reach it, add --insecure`,
  );
}

function warnOfOpenDoor({ host, port }: Listener, { tokens, tls }: DoorGuard, warn: (line: string) => void): void {
  if (isLoopback(host)) return;
  const where = `listening on ${host}, port ${port}`;
  if (tokens.book === null) {
    warn(`${where}: whoever reaches this port can read the parameters and take part in the run; there are no tokens`);
  } else if (tls === null) warn(`${where}, without TLS: whoever is on the way can read the parameters and the tokens`);
}
