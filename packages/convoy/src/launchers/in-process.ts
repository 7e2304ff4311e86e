import type { PreparedRun } from '@convoy/server/prepare-run';
import { serverCodec } from '@convoy/server/serve';
import { memoryPair } from '@convoy/transport/memory';
import { InlineCompute } from '@convoy/worker/compute/inline';
import { computeOptions, threadsPerWorker, type EngineOptions } from '@convoy/worker/engine-options';
import { work, workerCodec } from '@convoy/worker/work';
import type { ServerConnection, WorkerLog } from '@convoy/worker/worker-session';
import type { Reopen } from '../reopen-rolled-back.ts';
import { usableEngine } from '../usable-engine.ts';

/**
 * Trains with server and worker in this process, joined by memory instead of a socket.
 * @returns the run as it ended. @throws what ended the worker before the run was over.
 */
export async function trainInProcess(
  flags: EngineOptions,
  prepared: PreparedRun,
  reopen: Reopen,
  log: WorkerLog,
): Promise<PreparedRun> {
  const engine = await usableEngine(flags.engine, (line) => log(line, 'note'));
  await trainOnce({ ...flags, engine }, prepared, log);
  const next = await reopen(prepared);
  return next === null ? prepared : trainInProcess({ ...flags, engine }, next, reopen, log);
}

async function trainOnce(flags: EngineOptions, { server, deterministic }: PreparedRun, log: WorkerLog): Promise<void> {
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
    log,
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
