import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { countOf } from '@convoy/protocol/event-words';
import { decodeServerMessage, encode } from '@convoy/protocol/codec';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import type { ServerMessage, WorkerMessage } from '@convoy/protocol/messages';
import { closeCodes, type Closure, type Codec } from '@convoy/transport/connection';
import { DEFAULT_BACKOFF, fullJitter } from '@convoy/transport/dial';
import type { Compute, ComputeOptions } from './compute/compute.ts';
import type { Provision } from './supplies/provision.ts';
import { WorkerSession, type ServerConnection, type WorkEnd, type WorkerLog } from './worker-session.ts';

export const workerCodec: Codec<ServerMessage, WorkerMessage> = { encode, decode: decodeServerMessage };

export interface WorkOptions {
  readonly compute: Compute;
  readonly computeOptions: ComputeOptions;
  /** Makes a connection, however long it takes; rejects when the signal aborts. */
  readonly connect: (signal: AbortSignal) => Promise<ServerConnection>;
  /** What `connect` fetched for the run, see {@link Provision}; nothing when absent. */
  readonly provision?: () => Provision;
  /** Aborted when the worker shall finish what it holds, say bye and return. */
  readonly drain: AbortSignal;
  /** How long to look for a coordinator that was there before. Before the first contact there is no limit. */
  readonly patienceMs: number;
  readonly log: WorkerLog;
}

/** One side said what the other takes for no message: the same happens again unless the line between them had garbled it. */
const NOT_UNDERSTOOD: ReadonlySet<number> = new Set([closeCodes.malformed, closeCodes.unexpected, closeCodes.tooLarge]);
/** Such ends in a row after which a worker gives up. */
const MAX_MISUNDERSTANDINGS = 5;
/** Who has talked for so long has been understood, also if there was no work for it: what ended that is another matter. */
const UNDERSTOOD_AFTER_MS = 60_000;

const ASKED_TO_LEAVE: WorkEnd = { completed: false, dismissed: false, reason: 'asked to leave' };

/**
 * A worker's life: connects, prepares what the server names, computes its leases, and connects again when the connection
 * is lost, until the run is over or it is told to drain. What it computes when the connection breaks it goes on computing,
 * and delivers on the next one.
 * @throws OperatorError when the server refuses this worker or does not understand it again and again, when it stays away
 * for longer than the worker's patience, or when the engine or the data can't be had.
 */
export async function work(options: WorkOptions): Promise<WorkEnd> {
  const { compute, computeOptions, connect, provision = () => ({}), drain, patienceMs, log } = options;
  const workerId = randomBytes(8).toString('hex');
  const secret = randomBytes(16).toString('hex');
  try {
    const engine = await compute.open(computeOptions);
    if (engine.warning !== null) log(engine.warning, 'note');
    const session = new WorkerSession({ compute, engine, workerId, secret, drain, provision, log });
    let connection = await connect(drain);
    let misunderstandings = 0;
    for (let attempt = 1; ; attempt++) {
      const startedMs = performance.now();
      const end = await session.converse(connection);
      if (end !== null) return end;
      const { isDismissed: dismissed, drainReason } = session;
      if (drainReason !== null) return { completed: false, dismissed, reason: drainReason };
      const closure = await connection.closed;
      const { code, reason } = closure;
      const isUnderstood = session.servedSinceConnecting || performance.now() - startedMs >= UNDERSTOOD_AFTER_MS;
      if (isUnderstood) attempt = 1;
      misunderstandings = NOT_UNDERSTOOD.has(code) && !isUnderstood ? misunderstandings + 1 : 0;
      if (misunderstandings === MAX_MISUNDERSTANDINGS) throw misunderstood(closure);
      log(`lost the coordinator (${code}${reason ? `: ${reason}` : ''}); connecting again`, 'note');
      await delay(fullJitter(DEFAULT_BACKOFF, attempt, Math.random), undefined, { signal: drain });
      connection = await connectAgain(connect, drain, patienceMs);
    }
  } catch (error) {
    if (drain.aborted) return ASKED_TO_LEAVE;
    throw error;
  } finally {
    await compute.close();
  }
}

function misunderstood({ code, reason }: Closure): OperatorError {
  return new OperatorError(
    `${MAX_MISUNDERSTANDINGS} conversations in a row ended because one side did not understand the other (${code}: ${reason}): install the same version of Convoy on both`,
    { exitCode: exitCodes.rejected },
  );
}

async function connectAgain(
  connect: WorkOptions['connect'],
  drain: AbortSignal,
  patienceMs: number,
): Promise<ServerConnection> {
  const patience = AbortSignal.timeout(patienceMs);
  try {
    return await connect(AbortSignal.any([drain, patience]));
  } catch (error) {
    if (drain.aborted || !patience.aborted) throw error;
    throw new OperatorError(
      `the coordinator has been away for ${countOf(Math.round(patienceMs / 60_000), 'minute')}: resume its run (convoy coordinator --resume, with the run's folder), then start this worker again`,
      { exitCode: exitCodes.network, cause: error },
    );
  }
}
