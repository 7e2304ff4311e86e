import { availableParallelism } from 'node:os';
import { exitCodes } from '@convoy/protocol/errors';
import type { PreparedRun } from '@convoy/server/prepare-run';
import { openDoor } from '@convoy/server/serve';
import { threadsPerWorker, type EngineOptions } from '@convoy/worker/engine-options';
import type { Reopen } from '../reopen-rolled-back.ts';
import { usableEngine } from '../usable-engine.ts';
import { LocalWorkers, type LocalWorkersOptions } from './local.ts';

export interface WorkerFlags extends EngineOptions {
  /** Processes; one per core, and no more than micro-batches in a step, when it is absent. */
  readonly workers?: number | undefined;
}

export interface WorkerProcessesOptions extends Pick<LocalWorkersOptions, 'main' | 'execArgv' | 'environment'> {
  readonly reopen: Reopen;
  readonly onWarning: (line: string) => void;
  readonly onStatus: (line: string) => void;
  /** Has the workers stand still whenever this process is stopped. @returns what ends that. */
  readonly suspendWithProgram?: (workers: Pick<LocalWorkers, 'suspend' | 'resume'>) => () => void;
}

export interface WorkersEnd {
  /** The run as it ended. */
  readonly last: PreparedRun;
  /** With which the last worker ended that was not started again; 0 when none did. */
  readonly lastCode: number;
}

/** Time that workers get to leave by themselves once the run is over. */
const LEAVE_WITHIN_MS = 5_000;

/**
 * Trains with worker processes on this machine. They stay when the server goes back: they find the next one by themselves. None
 * of them is left when it returns.
 */
export async function trainWithWorkers(
  flags: WorkerFlags,
  prepared: PreparedRun,
  { reopen, onWarning, onStatus, suspendWithProgram = () => () => {}, ...spawning }: WorkerProcessesOptions,
): Promise<WorkersEnd> {
  const { deterministic, model, microBatches } = prepared;
  let last = prepared;
  const engine = await usableEngine(flags.engine, onWarning);
  const count = flags.workers ?? Math.min(availableParallelism(), microBatches);
  const { listener, letIn } = await openDoor('127.0.0.1', 0, model.parameterCount);
  letIn(prepared.server);
  const threads = threadsPerWorker(flags, deterministic, count);
  let lastCode: number = exitCodes.ok;
  let lastLine = '';
  let allHaveEnded = false;
  const haltWithoutWorkers = () => {
    last.server.halt(`every worker process has ended${lastLine && `, with the words: ${lastLine}`}`);
  };
  const workers = new LocalWorkers({
    ...spawning,
    count,
    stepsDone: () => last.server.stepsDone,
    args: workerArguments({ ...flags, engine }, `ws://127.0.0.1:${listener.port}`, threads),
    onLine: (line) => {
      lastLine = line;
      onWarning(line);
    },
    onExit: ({ pid, code, signal, restartInMs, left }) => {
      const next = restartInMs === null ? '' : '; another takes its place';
      // Who leaves in peace is told of as a worker; at the end of a run all do.
      if (code !== 0) onWarning(`worker process ${pid} ended (${signal ?? `exit code ${code}`})${next}`);
      if (restartInMs === null && code !== null) lastCode = code;
      allHaveEnded = left === 0;
      if (allHaveEnded) haltWithoutWorkers();
    },
  });
  const leaveJob = suspendWithProgram(workers);
  try {
    onStatus(
      `starting ${count} ${count === 1 ? 'worker' : 'workers'} with ${threads} ${threads === 1 ? 'thread' : 'threads'} each`,
    );
    for (let next = await reopen(last); next !== null; next = await reopen(last)) {
      last = next;
      letIn(next.server);
      if (allHaveEnded) haltWithoutWorkers();
    }
    return { last, lastCode };
  } finally {
    leaveJob();
    await workers.stop(LEAVE_WITHIN_MS);
    await listener.close();
  }
}

function workerArguments(flags: EngineOptions, url: string, threads: number): string[] {
  const args = ['--url', url, '--threads', String(threads), '--engine', flags.engine];
  if (flags.dataDir !== undefined) args.push('--data-dir', flags.dataDir);
  if (flags.workload !== undefined) args.push('--workload', flags.workload);
  return args;
}
