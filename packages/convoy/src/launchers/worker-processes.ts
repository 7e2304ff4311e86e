import { availableParallelism } from 'node:os';
import { countOf } from '@convoy/protocol/event-words';
import { exitCodes } from '@convoy/protocol/errors';
import { modelsOf } from '../offered-models.ts';
import { oneRun } from '@convoy/dashboard/serve/run-list';
import { dashboard } from '@convoy/dashboard/serve/routes';
import { controlRoutes } from '@convoy/server/control-routes';
import { openDoor } from '@convoy/server/serve';
import type { ServedRun } from '@convoy/server/serve-run';
import {
  CLIENT_VARIABLE,
  serverTokens,
  withoutTokens,
  type ServerTokens,
  type TokenSourceOptions,
} from '@convoy/transport/token-source';
import { digestOfToken, newToken } from '@convoy/transport/tokens';
import { clearUnseen, threadsPerWorker, type EngineOptions } from '@convoy/worker/engine-options';
import { faultsTo } from '../guarded-door.ts';
import { usableEngine } from '../local-engine.ts';
import { LocalWorkers, type LocalWorkersOptions } from './local.ts';

export interface WorkerFlags extends EngineOptions {
  /** Processes; one per core, and no more than micro-batches in a step, when it is absent. */
  readonly workers?: number | undefined;
}

export interface WorkerProcessesOptions extends Pick<LocalWorkersOptions, 'main' | 'execArgv' | 'environment'> {
  readonly onWarning: (line: string) => void;
  readonly onStatus: (line: string) => void;
  /** Who may reach the run. */
  readonly guard: LocalGuard;
  /** Told where a browser shows the run, and operators reach it if there are tokens of theirs. */
  readonly onAddress?: (url: string, isForOperators: boolean) => void;
  /** Has the workers stand still whenever this process is stopped. @returns what ends that. */
  readonly suspendWithProgram?: (workers: Pick<LocalWorkers, 'suspend' | 'resume'>) => () => void;
}

/** The tokens of a run whose workers are started here, and the one that those workers have. */
export interface LocalGuard {
  readonly tokens: ServerTokens;
  readonly own: string;
}

/**
 * Others on this machine reach the port too: only the workers that are started here know their token, and whoever has one of the source's
 * is let in beside them.
 * @throws OperatorError naming what to change. It is cheap, and comes before anything is made.
 */
export function localGuard(source: TokenSourceOptions, onWarning: (line: string) => void): LocalGuard {
  const own = newToken('worker');
  return { own, tokens: serverTokens(source, onWarning, [{ role: 'worker', digest: digestOfToken(own) }]) };
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
    onAddress,
    suspendWithProgram = () => () => {},
    guard: { tokens, own },
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
  const { parameterCount } = model;
  const hasOthers = tokens.book!.tokens.length > 1;
  const door = await openDoor({
    host: '127.0.0.1',
    port: 0,
    parameterCount,
    tokens: tokens.book,
    // Where nobody gave out tokens, who uses this machine may watch and steer.
    isOpenHere: !hasOthers,
    onFault: faultsTo(onWarning),
  });
  const page = dashboard(oneRun(run.folder), modelsOf(run));
  door.add(...controlRoutes(run), ...page.routes);
  door.letIn(run);
  const { listener } = door;
  const isForOperators = tokens.book!.tokens.some(({ role }) => role !== 'worker');
  if (isForOperators || !hasOthers) onAddress?.(`http://127.0.0.1:${listener.port}`, isForOperators);
  const threads = threadsPerWorker(flags, deterministic, count);
  let lastCode: number = exitCodes.ok;
  let lastLine = '';
  const workers = new LocalWorkers({
    ...spawning,
    environment: { ...withoutTokens(cleared), [CLIENT_VARIABLE]: own },
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
    onStatus(`starting ${countOf(count, 'worker')} with ${countOf(threads, 'thread')} each`);
    await run.ended;
    return lastCode;
  } finally {
    leaveJob();
    await workers.stop(LEAVE_WITHIN_MS);
    page.close();
    await listener.close();
    tokens.close();
  }
}

function workerArguments(flags: EngineOptions, url: string, threads: number): string[] {
  const args = ['--url', url, '--threads', String(threads), '--engine', flags.engine];
  if (flags.dataDir !== undefined) args.push('--data-dir', flags.dataDir);
  if (flags.workload !== undefined) args.push('--workload', flags.workload);
  return args;
}
