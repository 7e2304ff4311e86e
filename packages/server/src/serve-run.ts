import { answerRequests, forgetRequests } from '@convoy/run-store/requests';
import { prepareRun, type PreparedRun } from './prepare-run.ts';
import type { RunEnd } from './run-end.ts';
import type { PrepareOptions } from './run-options.ts';
import type { WorkerConnection } from './session.ts';

/** A run that is served from its beginning, or from where it was left, to its end: whatever it goes back to in between. */
export interface ServedRun extends Omit<PreparedRun, 'server'> {
  /** Takes over a worker's connection. */
  accept(connection: WorkerConnection): void;
  /** Ends the run where it stands; the parameters so far are saved. */
  stop(reason: string): void;
  /** Ends the run as failed: nothing can go on. */
  halt(reason: string): void;
  /** Asks the worker of that rank to finish what it holds and leave. @returns false when no such worker is connected. */
  drain(rank: number): boolean;
  /** Notes in the run's log that somebody was refused before there was a connection. */
  refused(remote: string, reason: string): void;
  /** Why no worker is let in at the moment; null while they are. */
  notReady(): string | null;
  /** Steps applied so far. */
  stepsDone(): number;
  /** Workers that lost their connection within the last `ms` before the end, and have not been told of it. */
  untold(ms: number): number;
  /** Resolves when those have come back and been told, or after `ms`: until then the listener should stay. */
  farewell(ms: number): Promise<void>;
  /** How the run ended, when its folder is free for another process. Rejects on a fault of our own. */
  readonly ended: Promise<RunEnd>;
}

/** How often requests in the run's folder are looked for. */
const ANSWER_EVERY_MS = 1_000;

/**
 * Serves a run. When it goes back to a checkpoint, another server takes the place of the first, as after a crash, in the same process:
 * the workers connect again and nobody else notices.
 * @throws OperatorError naming what to change.
 */
export async function serveRun(options: PrepareOptions): Promise<ServedRun> {
  const first = await prepareRun(options);
  const { server: firstServer, ...about } = first;
  let server = firstServer;
  /** What ends the run: it holds for every server to come. */
  let end: { readonly by: 'stop' | 'halt'; readonly reason: string } | null = null;
  const endBy = (by: 'stop' | 'halt', reason: string) => {
    end ??= { by, reason };
    server[by](reason);
  };
  const serve = async (): Promise<RunEnd> => {
    for (let turn = first; ;) {
      const turnEnd = await turn.ended;
      if (turnEnd.outcome !== 'rolled-back') return turnEnd;
      // What was to be made longer is so by now.
      turn = await prepareRun({ ...options, resume: turn.folder, extension: undefined });
      server = turn.server;
      if (end !== null) server[end.by](end.reason);
    }
  };
  const ended = serve();
  // Whoever waits for it deals with a failure; until somebody does, it is not unhandled.
  ended.catch(() => {});
  forgetRequests(first.folder);
  const answering = setInterval(() => {
    answerRequests(first.folder, ({ rank }) => (server.drain(rank) ? null : `no worker of rank ${rank} is connected`));
  }, ANSWER_EVERY_MS);
  void ended.catch(() => {}).finally(() => clearInterval(answering));
  return {
    ...about,
    ended,
    accept: (connection) => server.accept(connection),
    stop: (reason) => endBy('stop', reason),
    halt: (reason) => endBy('halt', reason),
    drain: (rank) => server.drain(rank),
    refused: (remote, reason) => server.refused(remote, reason),
    notReady: () => server.notReady(),
    stepsDone: () => server.stepsDone,
    untold: (ms) => server.untold(ms),
    farewell: (ms) => server.farewell(ms),
  };
}
