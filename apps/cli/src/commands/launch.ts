import { join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { readHostsFile } from '@convoy/convoy/launchers/hosts-file';
import { RemoteWorkers, type RemoteWorkersOptions } from '@convoy/convoy/launchers/remote';
import { VERSION } from '@convoy/protocol/version';
import { exitCodes } from '@convoy/protocol/errors';
import { CLIENT_VARIABLE, clientToken } from '@convoy/transport/token-source';
import { Display } from '../terminal/display.ts';
import { addFlags, argumentsOf, flagTable, type FlagValues } from '../flags/flag.ts';
import { foldHelp, newCommand } from '../flags/help.ts';
import { stopSignals, whenStopped } from '../stop-signals.ts';
import { coordinate, coordinatorFlags, type Listening } from './coordinator.ts';
import { callerFlags, checkUrl } from '../flags/network.ts';

const HOSTS = 'Hosts:';

const launchFlags = flagTable({
  hosts: {
    takes: '<file>',
    help: 'the machines: on each line [user@]host [workers=2] [port=22] [dir=folder]',
    isRequired: true,
    group: HOSTS,
    isCommon: true,
  },
  url: {
    takes: '<address>',
    parse: checkUrl,
    help: 'start only workers, for the coordinator at this address',
    defaultText: 'a coordinator in this process',
    group: HOSTS,
    isCommon: true,
    conflicts: Object.keys(coordinatorFlags).filter((name) => !['workload', 'tokenFile', 'quiet'].includes(name)),
  },
  tlsFingerprint: { ...callerFlags.tlsFingerprint, group: HOSTS },
  command: {
    takes: '<command>',
    help: 'what starts a worker on a host, before its arguments',
    default: `npx --yes tfjs-convoy@${VERSION} worker`,
    group: HOSTS,
    isCommon: true,
  },
  sshOption: {
    takes: '<name=value>',
    parse: anotherSshOption,
    help: 'an option of ssh, as in ssh_config(5); may be repeated',
    group: HOSTS,
    isCommon: true,
  },
  logs: {
    takes: '<folder>',
    help: "where each host's words are kept",
    defaultText: "logs in the run's folder; convoy-logs with --url",
    group: HOSTS,
    isCommon: true,
  },
  ...coordinatorFlags,
});
type LaunchFlags = FlagValues<typeof launchFlags>;

/** Time that workers get to leave by themselves, and then to finish what they hold. */
const LEAVE_WITHIN_MS = 10_000;

/** `launch`: workers on other machines, by ssh, and a coordinator for them unless there is one. */
export function launchCommand(): Command {
  const command = newCommand('launch')
    .description('train on several machines: start workers on them over ssh, and a coordinator here')
    .argument('[worker-arguments...]', 'after --: more options of convoy worker');
  return foldHelp(addFlags(command, launchFlags))
    .addHelpText(
      'after',
      `
Examples:
  $ convoy launch --hosts hosts.txt --recipe lesson
  $ convoy launch --hosts hosts.txt --url wss://192.0.2.10:7311
  $ convoy launch --hosts hosts.txt --recipe lesson -- --engine wasm

Each host needs Node.js and an ssh server that takes your key without a question.
While the coordinator listens on this machine's loopback only, as it does by
default, workers reach it through their ssh connections.`,
    )
    .action(launch);
}

async function launch(workerArguments: readonly string[], flags: LaunchFlags, command: Command): Promise<void> {
  const hosts = readHostsFile(flags.hosts);
  const common = { hosts, command: flags.command, sshOptions: flags.sshOption ?? [] };
  if (flags.url !== undefined) return launchWorkers(flags, flags.url, { ...common, args: workerArguments });
  await coordinate(flags, command, ({ url, workerArguments: asked, token, run, display }: Listening) => {
    const workers = new RemoteWorkers({
      ...common,
      url,
      args: [...withoutDoubt(asked, workerArguments), ...workerArguments],
      token: () => process.env[CLIENT_VARIABLE] ?? token(),
      logFolder: flags.logs ?? join(run.folder, 'logs'),
      stepsDone: () => run.stepsDone(),
      onLine: (line) => display.line(line),
      onWarning: (line) => display.warn(line),
      onGone({ left, why }) {
        if (left === 0) run.halt(`every worker has ended; the last one: ${why}`);
      },
    });
    return () => workers.stop(LEAVE_WITHIN_MS);
  });
}

async function launchWorkers(
  flags: LaunchFlags,
  url: string,
  common: Pick<RemoteWorkersOptions, 'hosts' | 'command' | 'sshOptions' | 'args'>,
): Promise<void> {
  const stop = stopSignals();
  const display = new Display({ quiet: flags.quiet });
  let code: number = exitCodes.ok;
  const { workload, tlsFingerprint, tokenFile } = flags;
  const token = () => clientToken({ file: tokenFile, environment: process.env }, 'worker');
  // A file that has no token is told of now, and not by each host.
  token();
  const workers = new RemoteWorkers({
    ...common,
    url,
    args: [
      ...argumentsOf(
        { workload: launchFlags.workload, tlsFingerprint: callerFlags.tlsFingerprint },
        { workload, tlsFingerprint },
      ),
      ...common.args,
    ],
    token,
    logFolder: flags.logs ?? 'convoy-logs',
    onLine: (line) => display.line(line),
    onWarning: (line) => display.warn(line),
    onGone: (gone) => {
      if (gone.code !== exitCodes.ok) code = gone.code;
    },
  });
  const stopped = new Promise<void>((resolve) => whenStopped(stop.signal, () => resolve()));
  const isStopped = await Promise.race([workers.deserted.then(() => false), stopped.then(() => true)]);
  if (isStopped) {
    code = stop.exitCode();
    display.line('asking the workers to finish what they hold and leave');
    workers.signal('SIGTERM');
    await workers.stop(LEAVE_WITHIN_MS);
  }
  process.exitCode = code;
}

/** A worker with a workload of its own, as its operator says, is not to run the coordinator's. */
function withoutDoubt(asked: readonly string[], given: readonly string[]): readonly string[] {
  const hasOwn = given.some((word) => /^--workload(=|$)/.test(word));
  return hasOwn ? asked.filter((word) => word !== '--allow-workload') : asked;
}

function anotherSshOption(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^\w+[ =]\S/.test(text)) throw new InvalidArgumentError('It must look like Name=value.');
  return [...before, text];
}
