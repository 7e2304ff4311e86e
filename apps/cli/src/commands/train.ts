import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import { exitCodes } from '@convoy/protocol/errors';
import { addRunOptions, positiveInteger, type RunFlags } from '@convoy/parameter-server/options';
import { prepareRun, type PreparedRun, type PrepareOptions } from '@convoy/parameter-server/prepare-run';
import { openDoor, serverCodec } from '@convoy/parameter-server/serve';
import { memoryPair } from '@convoy/transport/memory';
import { InlineCompute } from '@convoy/worker/compute/inline';
import { addEngineOptions, computeOptions, threadsPerWorker, type EngineFlags } from '@convoy/worker/options';
import { work, workerCodec, type ServerConnection } from '@convoy/worker/work';
import { Display } from '../display.ts';
import { LocalWorkers } from '../launchers/local.ts';
import { reportEnd } from '../report-end.ts';
import { reopenRolledBack } from '../reopen-rolled-back.ts';
import { stopSignals, whenStopped } from '../stop-signals.ts';

interface TrainFlags extends RunFlags, EngineFlags {
  readonly workers?: number;
  readonly single: boolean;
  readonly fallbackSynthetic: boolean;
  // Both parents declare it.
  readonly dataDir?: string;
}

/** Time that workers get to leave by themselves once the run is over. */
const LEAVE_WITHIN_MS = 5_000;
const NO_WORKERS = 'every worker process has ended';

/** `train`: a coordinator and its workers on this machine, or everything in one process. */
export function trainCommand(): Command {
  const command = new Command('train')
    .description('train on this machine: a parameter server and N worker processes, or everything in one process')
    .addOption(
      new Option('--workers <n>', 'worker processes (default: one per core, no more than micro-batches in a step)')
        .argParser(positiveInteger)
        .conflicts('single'),
    )
    .option('--single', 'everything in this process, with the same step code', false)
    .option('--fallback-synthetic', 'train on synthetic images, and say so, where CIFAR-10 can not be had', false);
  return addEngineOptions(addRunOptions(command))
    .addHelpText(
      'after',
      `
Examples:
  $ convoy train --recipe quick --workers 2
  $ convoy train --recipe lesson --workers 2 --data-dir ~/cifar-10-batches-bin
  $ convoy train --deterministic --steps 40 --seed 7 --json     one parametersSha256 for any number of workers
  $ convoy train --single --dataset synthetic --steps 20
  $ convoy train --resume runs/20261124-051200-lesson-3f9a --workers 4`,
    )
    .action(train);
}

async function train(flags: TrainFlags): Promise<void> {
  const stop = stopSignals();
  const display = new Display();
  try {
    const options: PrepareOptions = {
      flags,
      environment: process.env,
      url: null,
      fallbackToSynthetic: flags.fallbackSynthetic,
      isSingle: flags.single,
      signal: stop.signal,
      onEvent: display.show,
      onNote: (line) => display.warn(line),
      onDownload: display.download,
    };
    const prepared = await prepareRun(options);
    display.line(`data: ${prepared.dataset.origin}`);
    whenStopped(stop.signal, (reason) => prepared.server.stop(reason));
    /** The same run with another server, when this one has gone back; null when the run is over. */
    const reopen = async (before: PreparedRun) => {
      const next = await reopenRolledBack(before, options);
      if (next !== null) whenStopped(stop.signal, (reason) => next.server.stop(reason));
      return next;
    };
    const last = await (flags.single ? trainHere : trainWithWorkers)(flags, prepared, reopen, display);
    await reportEnd(last, display, flags.json, stop);
  } finally {
    display.close();
  }
}

/** Opens the run again after its server has gone back to a checkpoint; null when it is over. */
type Reopen = (before: PreparedRun) => Promise<PreparedRun | null>;

/** Server and worker in this process, joined by memory instead of a socket. @returns the run as it ended. */
async function trainHere(
  flags: TrainFlags,
  prepared: PreparedRun,
  reopen: Reopen,
  display: Display,
): Promise<PreparedRun> {
  await trainOnce(flags, prepared, display);
  const next = await reopen(prepared);
  return next === null ? prepared : trainHere(flags, next, reopen, display);
}

async function trainOnce(flags: TrainFlags, { server, deterministic }: PreparedRun, display: Display): Promise<void> {
  const [serverEnd, workerEnd] = memoryPair(serverCodec, workerCodec);
  server.accept(serverEnd);
  const leaving = new AbortController();
  const working = work({
    compute: new InlineCompute(),
    computeOptions: computeOptions(flags, threadsPerWorker(flags, deterministic, 1), process.env),
    connect: connectOnce(workerEnd, () => {
      // The server that goes on gets a worker of its own.
      if (server.isRolledBack) leaving.abort();
    }),
    drain: leaving.signal,
    patienceMs: 0,
    log: (line) => display.line(line),
  });
  // A worker that fails ends the run; a run that ends ends the worker. The worker's own error is the one to tell.
  working.catch((error: Error) => server.halt(error.message));
  await server.ended;
  await working;
}

/** Memory can't be dialled again: a second attempt means that the first conversation failed. */
function connectOnce(connection: ServerConnection, onAgain: () => void): () => Promise<ServerConnection> {
  let isUsed = false;
  return () => {
    if (!isUsed) {
      isUsed = true;
      return Promise.resolve(connection);
    }
    onAgain();
    return Promise.reject(new Error('the conversation between server and worker ended before the run did'));
  };
}

/** The workers stay when the server goes back: they find the next one by themselves. @returns the run as it ended. */
async function trainWithWorkers(
  flags: TrainFlags,
  prepared: PreparedRun,
  reopen: Reopen,
  display: Display,
): Promise<PreparedRun> {
  const { deterministic, model } = prepared;
  let current = prepared;
  const count = flags.workers ?? Math.min(availableParallelism(), prepared.microBatches);
  const { listener, letIn } = await openDoor('127.0.0.1', 0, model.parameterCount);
  letIn(prepared.server);
  const threads = threadsPerWorker(flags, deterministic, count);
  let lastCode: number = exitCodes.ok;
  let allHaveEnded = false;
  const workers = new LocalWorkers({
    count,
    main: process.argv[1]!,
    args: workerArguments(flags, `ws://127.0.0.1:${listener.port}`, threads),
    onLine: (line) => {
      if (!/: (ready|done): /.test(line)) display.warn(line);
    },
    onExit: ({ pid, code, signal, restartInMs, left }) => {
      const next = restartInMs === null ? '' : '; another takes its place';
      display.warn(`worker process ${pid} ended (${signal ?? `exit code ${code}`})${next}`);
      if (restartInMs === null && code !== null) lastCode = code;
      allHaveEnded = left === 0;
      if (allHaveEnded) current.server.halt(NO_WORKERS);
    },
  });
  try {
    display.status(
      `starting ${count} ${count === 1 ? 'worker' : 'workers'} with ${threads} ${threads === 1 ? 'thread' : 'threads'} each`,
    );
    for (let next = await reopen(current); next !== null; next = await reopen(current)) {
      current = next;
      letIn(next.server);
      if (allHaveEnded) next.server.halt(NO_WORKERS);
    }
    const { outcome } = await current.ended;
    // What ended the workers is what the operator has to mend.
    if (outcome === 'halted' && lastCode !== exitCodes.ok) process.exitCode = lastCode;
    return current;
  } finally {
    await workers.stop(LEAVE_WITHIN_MS);
    await listener.close();
  }
}

function workerArguments(flags: TrainFlags, url: string, threads: number): string[] {
  const args = ['--url', url, '--threads', String(threads), '--engine', flags.engine];
  if (flags.dataDir !== undefined) args.push('--data-dir', flags.dataDir);
  return args;
}
