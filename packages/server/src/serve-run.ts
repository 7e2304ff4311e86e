import type { RunEvent } from '@convoy/protocol/run-events';
import type { RunStatus, TaskProgress } from '@convoy/protocol/run-status';
import { answerRequests, forgetRequests, type OperatorRequest } from '@convoy/run-store/requests';
import { prepareRun, type PreparedRun } from './prepare-run.ts';
import { RunMetrics } from './metrics.ts';
import { RunWatch } from './run-watch.ts';
import type { RunEnd } from './run-end.ts';
import type { PrepareOptions } from './run-options.ts';
import type { WorkerConnection } from './session.ts';
import { StepTracer } from './trace/step-tracer.ts';

/** A run that is served from its beginning, or from where it was left, to its end: whatever it goes back to in between. */
export interface ServedRun extends Omit<PreparedRun, 'server'> {
  /** Takes over a worker's connection. */
  accept(connection: WorkerConnection): void;
  /** Ends the run where it stands; the parameters so far are saved. */
  stop(reason: string): void;
  /** Ends the run as failed: nothing can go on. */
  halt(reason: string): void;
  /**
   * Does what an operator asks for, and writes it to the run's log.
   * @param by who asks: a token and an address, or the run's folder.
   * @returns why it can't be done, or null.
   */
  request(request: OperatorRequest, by: string): string | null;
  /** How the run stands. */
  status(): RunStatus;
  /** How far its present step or evaluation is; null before the first. */
  progress(): TaskProgress | null;
  /** Its figures for Prometheus. */
  metrics(): Promise<{ readonly type: string; readonly text: string }>;
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
  const watch = new RunWatch();
  const metrics = new RunMetrics();
  const onEvent = (event: RunEvent) => {
    watch.see(event);
    metrics.see(event);
    options.onEvent(event);
  };
  const tracer = options.trace === undefined ? null : new StepTracer(options.trace);
  const watched = { ...options, tracer, onEvent };
  const first = await prepareRun(watched);
  const { server: firstServer, ...about } = first;
  let server = firstServer;
  /** What ends the run: it holds for every server to come. */
  let end: { readonly by: 'stop' | 'halt'; readonly reason: string } | null = null;
  /** An operator wants it to stand still: that, too, holds for the next server. */
  let isPaused = false;
  const pause = (isWanted: boolean): string | null => {
    if (isPaused === isWanted) return isWanted ? 'it is paused already' : 'it is not paused';
    isPaused = isWanted;
    server.pause(isWanted);
    return null;
  };
  const endBy = (by: 'stop' | 'halt', reason: string) => {
    end ??= { by, reason };
    server[by](reason);
  };
  const serve = async (): Promise<RunEnd> => {
    for (let turn = first; ;) {
      const turnEnd = await turn.ended;
      if (turnEnd.outcome !== 'rolled-back') return turnEnd;
      // What was to be made longer is so by now.
      turn = await prepareRun({ ...watched, resume: turn.folder, extension: undefined });
      server = turn.server;
      if (isPaused) server.pause(true);
      if (end !== null) server[end.by](end.reason);
    }
  };
  const ended = serve();
  // Whoever waits for it deals with a failure; until somebody does, it is not unhandled.
  ended.catch(() => {});
  const granted = (asked: OperatorRequest, by: string): string | null => {
    if (server.notReady() !== null) return server.notReady();
    switch (asked.type) {
      case 'drain':
        return server.drain(asked.rank) ? null : `no worker of rank ${asked.rank} is connected`;
      case 'checkpoint':
        server.checkpoint();
        return null;
      case 'pause':
        return pause(true);
      case 'unpause':
        return pause(false);
      case 'stop':
        endBy('stop', `stopped by ${by}`);
        return null;
      default:
        return asked satisfies never;
    }
  };
  const request = (asked: OperatorRequest, by: string) => {
    // Before it is done: of a run that is stopped nothing is written any more, and a pause may begin or end at once.
    const isFirst =
      asked.type === 'stop' || (asked.type === 'pause' && !isPaused) || (asked.type === 'unpause' && isPaused);
    if (isFirst && server.notReady() === null) noteRequest(asked, by, null);
    const refusal = granted(asked, by);
    if (!isFirst || refusal !== null) noteRequest(asked, by, refusal);
    return refusal;
  };
  const noteRequest = ({ type, ...about }: OperatorRequest, by: string, refusal: string | null) =>
    server.noteRequest({ type: 'operator-request', request: type, ...about, by, refusal });
  const status = () => ({ ...watch.status(server.notReady()), workers: server.workers() });
  forgetRequests(first.folder);
  const answering = setInterval(() => {
    answerRequests(first.folder, (asked) => request(asked, "the run's folder"));
  }, ANSWER_EVERY_MS);
  void ended.catch(() => {}).finally(() => clearInterval(answering));
  return {
    ...about,
    ended,
    accept: (connection) => server.accept(connection),
    stop: (reason) => endBy('stop', reason),
    halt: (reason) => endBy('halt', reason),
    request,
    status,
    progress: () => server.progress(),
    metrics: async () => ({ type: metrics.contentType, text: await metrics.text(status()) }),
    refused: (remote, reason) => server.refused(remote, reason),
    notReady: () => server.notReady(),
    stepsDone: () => server.stepsDone,
    untold: (ms) => server.untold(ms),
    farewell: (ms) => server.farewell(ms),
  };
}
