import { InvalidArgumentError, Option, type Command } from 'commander';
import { usableEngine } from '@convoy/convoy/local-engine';
import { exitCodes } from '@convoy/protocol/errors';
import { maxMessageBytes } from '@convoy/protocol/messages';
import { dial } from '@convoy/transport/dial';
import { isLoopback } from '@convoy/transport/loopback';
import { clientToken } from '@convoy/transport/token-source';
import { ThreadCompute } from '@convoy/worker/compute/thread';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { callerFlags, checkUrl, trustFrom } from '../flags/network.ts';
import { dataFlags, engineFlags, quietFlag } from '../flags/run.ts';
import { byteSize, sizeText, wholeNumber } from '../flags/values.ts';
import { stopSignals } from '../stop-signals.ts';
import { Display } from '../terminal/display.ts';
import { computeOptions, threadsPerWorker } from '@convoy/worker/engine-options';
import { work, workerCodec } from '@convoy/worker/work';
import type { WorkerLog } from '@convoy/worker/worker-session';
import { mostParameters } from '@convoy/workload/open-workload';
import { DEFAULT_CACHE_BYTES, provideWhenThere, type ProvideOptions } from '@convoy/worker/supplies/provide';
import type { Provision } from '@convoy/worker/supplies/provision';

const workerFlags = flagTable({
  url: {
    takes: '<address>',
    parse: checkUrl,
    help: "the coordinator's address, wss://HOST:PORT or ws://HOST:PORT",
    isRequired: true,
  },
  patience: {
    takes: '<minutes>',
    parse: minutes,
    help: 'how long to look for a coordinator that went away; a worker waits for the first one without limit',
    default: 15 as number,
  },
  earlyExitCode: {
    takes: '<n>',
    parse: exitCode,
    help: 'exit with this code when a signal ends it, or the coordinator stops, before the training is complete: for schedulers that restart what has not exited with 0',
    default: exitCodes.ok as number,
  },
  ...callerFlags,
  ...dataFlags,
  dataDir: { ...dataFlags.dataDir, defaultText: '$CIFAR10_DIR, else the cache, else from the coordinator' },
  allowWorkload: {
    help: "run the coordinator's workload on this machine: its code can do whatever this user can",
    default: false as boolean,
    group: 'Model and data:',
    conflicts: ['workload'],
  },
  cacheBytes: {
    takes: '<size>',
    parse: byteSize,
    text: sizeText,
    help: 'what fetched files may take on the disk; data that is larger is fetched as it is leased',
    default: DEFAULT_CACHE_BYTES as number,
    group: 'Model and data:',
  },
  ...engineFlags,
  quiet: { ...quietFlag.quiet, help: 'print only what an operator should know' },
});
type WorkerFlags = FlagValues<typeof workerFlags> & { readonly notesOnly: boolean };

/** Failed attempts to connect are told at these counts, not each time. */
const TELL_AT = new Set([1, 5, 20]);
/** How a long download goes is told so often. */
const TELL_PROGRESS_EVERY_MS = 10_000;

/** `worker`: computes gradients for a coordinator until its run is over. */
export function workerCommand(): Command {
  const command = newCommand('worker').description('compute gradients for a coordinator until its run is over');
  // For a launcher, which shows by itself what its workers do.
  command.addOption(new Option('--notes-only', 'say only what an operator should know').default(false).hideHelp());
  return addFlags(command, workerFlags)
    .addHelpText(
      'after',
      `
Examples:
  $ convoy worker --url wss://192.0.2.10:7311 --tls-fingerprint sha256:…     with a worker's token in CONVOY_TOKEN
  $ convoy worker --url ws://127.0.0.1:7311 --threads 1     one of several on this machine
  $ convoy worker --url wss://192.0.2.10:7311 --tls-ca ca.pem --workload my-workload.ts
  $ convoy worker --url wss://192.0.2.10:7311 --allow-workload    with the coordinator's workload

What this machine lacks of the run's data is fetched from the coordinator and kept in the cache:
see docs/bare-workers.md. The worker waits for a coordinator that is not up yet, and exits with 0 when the run is over. On
Ctrl-C or SIGTERM it finishes its piece of work, says goodbye and exits with 0.`,
    )
    .action(runWorker);
}

async function runWorker(flags: WorkerFlags): Promise<void> {
  const log: WorkerLog = (line, kind) => {
    if (kind === 'note' || !(flags.notesOnly || flags.quiet)) process.stderr.write(`worker ${process.pid}: ${line}\n`);
  };
  const { signal: drain } = stopSignals();
  const display = new Display({ quiet: flags.quiet });
  const trust = trustFrom(flags);
  const note = (line: string) => log(line, 'note');
  warnOfPlainToken(flags, note);
  const engine = await usableEngine(flags.engine, note);
  let provision: Provision = {};
  const onRetry = (error: Error, attempt: number) => {
    if (TELL_AT.has(attempt))
      log(`waiting for a coordinator at ${flags.url} (${error.message || 'no answer'})`, 'note');
  };
  const { completed, dismissed, reason } = await work({
    compute: new ThreadCompute(),
    computeOptions: computeOptions({ ...flags, engine }, threadsPerWorker(flags, false, 1), process.env, note),
    connect: async (signal) => {
      // Who is launched on the coordinator's machine has what the coordinator has.
      if (!flags.notesOnly) {
        const options = { ...supplyOptions(flags, signal, log, display), last: provision };
        provision = await provideWhenThere(options, Math.random, onRetry).finally(() => display.close());
      }
      return dial({
        url: flags.url,
        token: () => clientToken({ file: flags.tokenFile, environment: process.env }, 'worker'),
        trust,
        codec: workerCodec,
        maxMessageBytes: maxMessageBytes(await mostParameters(provision.workload ?? flags.workload)),
        signal,
        random: Math.random,
        onRetry,
      });
    },
    provision: () => provision,
    drain,
    patienceMs: 60_000 * flags.patience,
    log,
  });
  log(`done: ${reason}`, 'routine');
  if (!completed && !dismissed) process.exitCode = flags.earlyExitCode;
  // A launcher's channel would keep the process alive.
  if (process.connected) process.disconnect();
}

function supplyOptions(flags: WorkerFlags, signal: AbortSignal, log: WorkerLog, display: Display): ProvideOptions {
  const { url, dataDir, workload, allowWorkload, cacheBytes } = flags;
  let toldMs = -Infinity;
  return {
    address: {
      url,
      token: clientToken({ file: flags.tokenFile, environment: process.env }, 'worker') ?? undefined,
      trust: trustFrom(flags),
    },
    own: { dataDir, workload },
    environment: process.env,
    allowWorkload,
    cacheBytes,
    signal,
    log,
    onProgress(received, total) {
      if (display.hasView) {
        display.progress({ label: 'fetching', done: received, total, unit: 'bytes' });
        return;
      }
      if (received < total && performance.now() - toldMs < TELL_PROGRESS_EVERY_MS) return;
      toldMs = performance.now();
      log(`fetching from the coordinator: ${megabytes(received)} of ${megabytes(total)} MB`, 'routine');
    },
  };
}

const megabytes = (bytes: number) => Math.ceil(bytes / 1e6);

function minutes(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 10_000)) {
    throw new InvalidArgumentError('It must be a number of minutes, 0 or more.');
  }
  return value;
}

function exitCode(text: string): number {
  const value = wholeNumber(text);
  if (value <= 255) return value;
  throw new InvalidArgumentError('It must be an exit code, 0 to 255.');
}

/** Everybody on the way can read what is sent without TLS. */
function warnOfPlainToken({ url, tokenFile }: WorkerFlags, warn: (line: string) => void): void {
  const { protocol, hostname } = new URL(url);
  if (/^(wss|https):$/.test(protocol) || isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'))) return;
  if (clientToken({ file: tokenFile, environment: process.env }, 'worker') === null) return;
  warn(`the token goes to ${hostname} unencrypted: with TLS its address begins with wss://`);
}
