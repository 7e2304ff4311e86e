import { availableParallelism } from 'node:os';
import { exitCodes } from '@convoy/protocol/errors';
import { openDoor } from '@convoy/server/serve';
import type { ServedRun } from '@convoy/server/serve-run';
import { clearUnseen, threadsPerWorker, type EngineOptions } from '@convoy/worker/engine-options';
import { usableEngine } from '../local-engine.ts';
import { LocalWorkers, type LocalWorkersOptions } from './local.ts';

export interface WorkerFlags extends EngineOptions {
  /** Processes; one per core, and no more than micro-batches in a step, when it is absent. */
  readonly workers?: number | undefined;
}

export interface WorkerProcessesOptions extends Pick<LocalWorkersOptions, 'main' | 'execArgv' | 'environment'> {
  readonly onWarning: (line: string) => void;
  readonly onStatus: (line: string) => void;
  /** Has the workers stand still whenever this process is stopped. @returns what ends that. */
  readonly suspendWithProgram?: (workers: Pick<LocalWorkers, 'suspend' | 'resume'>) => () => void;
}

/** Time that workers get to leave by themselves once the run is over. */
const LEAVE_WITHIN_MS = 5_000;

/**
 * Trains with worker processes on this machine, and returns when the run has ended and none of them is left.
 * @returns with which code the last worker ended that was not started again; 0 when none did.
 */
export async function trainWithWorkers(
  flags: WorkerFlags,
  run: ServedRun,
  {
    onWarning,
    onStatus,
    suspendWithProgram = () => () => {},
    environment = process.env,
    ...spawning
  }: WorkerProcessesOptions,
): Promise<number> {
  // Here, or each of the workers would say it.
  const cleared = { ...environment };
  clearUnseen(cleared, onWarning);
  const { deterministic, model, microBatches } = run;
  const engine = await usableEngine(flags.engine, onWarning);
  const count = flags.workers ?? Math.min(availableParallelism(), microBatches);
  const { listener, letIn } = await openDoor({ host: '127.0.0.1', port: 0, parameterCount: model.parameterCount });
  letIn(run);
  const threads = threadsPerWorker(flags, deterministic, count);
  let lastCode: number = exitCodes.ok;
  let lastLine = '';
  const workers = new LocalWorkers({
    ...spawning,
    environment: cleared,
    count,
    stepsDone: () => run.stepsDone(),
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
      if (left === 0) run.halt(`every worker process has ended${lastLine && `, with the words: ${lastLine}`}`);
    },
  });
  const leaveJob = suspendWithProgram(workers);
  try {
    onStatus(
      `starting ${count} ${count === 1 ? 'worker' : 'workers'} with ${threads} ${threads === 1 ? 'thread' : 'threads'} each`,
    );
    await run.ended;
    return lastCode;
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
