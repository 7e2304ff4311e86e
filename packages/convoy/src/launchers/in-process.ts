import { serverCodec } from '@convoy/server/serve';
import type { ServedRun } from '@convoy/server/serve-run';
import { closeCodes } from '@convoy/transport/connection';
import { memoryPair } from '@convoy/transport/memory';
import { InlineCompute } from '@convoy/worker/compute/inline';
import { computeOptions, threadsPerWorker, type EngineOptions } from '@convoy/worker/engine-options';
import { work, workerCodec } from '@convoy/worker/work';
import type { ServerConnection, WorkerLog } from '@convoy/worker/worker-session';
import { usableEngine } from '../local-engine.ts';

/**
 * Trains with server and worker in this process, joined by memory instead of a socket.
 * @returns when the run has ended. @throws what ended the worker before the run was over.
 */
export async function trainInProcess(flags: EngineOptions, run: ServedRun, log: WorkerLog): Promise<void> {
  const note = (line: string) => log(line, 'note');
  const engine = await usableEngine(flags.engine, note);
  const threads = threadsPerWorker(flags, run.deterministic, 1);
  const working = work({
    compute: new InlineCompute(),
    computeOptions: computeOptions({ ...flags, engine }, threads, process.env, note),
    connect: connectTo(run),
    drain: new AbortController().signal,
    // A server that goes back to a checkpoint is there again when it has read it.
    patienceMs: 60_000,
    log,
  });
  // A worker that fails ends the run; a run that ends ends the worker. The worker's own error is the one to tell.
  working.catch((error: Error) => run.halt(error.message));
  await run.ended;
  await working;
}

/** Connects again to a server that has gone back to a checkpoint; any other end of a conversation in memory is a fault of our own. */
function connectTo(run: ServedRun): () => Promise<ServerConnection> {
  let last: ServerConnection | null = null;
  return async () => {
    const closure = await last?.closed;
    if (closure !== undefined && closure.code !== closeCodes.goingAway) {
      throw new Error(
        `the conversation between server and worker ended before the run did (${closure.code}: ${closure.reason})`,
      );
    }
    const [serverEnd, workerEnd] = memoryPair(serverCodec, workerCodec);
    run.accept(serverEnd);
    last = workerEnd;
    return workerEnd;
  };
}
