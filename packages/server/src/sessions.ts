import {
  maxResultBytes,
  type Heartbeat,
  type Hello,
  type LeaseSpans,
  type ServerMessage,
  type WorkerMessage,
} from '@convoy/protocol/messages';
import type { RunFact } from '@convoy/protocol/run-events';
import type { ExpulsionCause, WorkerId } from '@convoy/training/coordinator/events';
import { closeCodes } from '@convoy/transport/connection';
import { residentBytes } from '@convoy/transport/resident-bytes';
import { LostWorkers } from './lost-workers.ts';
import { expulsionCodes, INEXCUSABLE, shutdownOf, type Ending } from './endings.ts';
import { JoinedWorkers } from './joined-workers.ts';
import { PeerLog, STRANGER_LIMITS, WORKER_LIMITS } from './peer-log.ts';
import { Reception, type ReceptionOptions } from './reception.ts';
import type { JoinedWorker, PeerSession, SessionEvent, WorkerConnection } from './session.ts';
import type { StepTracer } from './trace/step-tracer.ts';
import { Traffic } from './traffic.ts';

export interface SessionsOptions extends ReceptionOptions {
  /** Bytes of a gradient in a worker's message. */
  readonly gradientBytes: number;
  /** Workers of the run's last server, which look for this one. */
  readonly leftBehind?: Iterable<WorkerId> | undefined;
  /** Records steps, if any were chosen. */
  readonly tracer?: StepTracer | null | undefined;
  readonly onEvent: (event: SessionEvent) => void;
}

const REPORT_MEMORY_EVERY_MS = 10_000;
const HELLO_WITHIN_MS = 10_000;
export const ROLLING_BACK = 'the run goes back to a checkpoint: connect again';

/**
 * The conversations with everybody who connects: who is let in, who takes part, who owes an answer and who was heard of
 * late. What workers deliver is the parameter server's, and what follows from it the coordinator's.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #lostWorkers: LostWorkers;
  readonly #strangers: PeerLog;
  readonly #workerLog: PeerLog;
  readonly #sessions = new Set<PeerSession>();
  /** Who takes part. */
  readonly joined = new JoinedWorkers();
  readonly #traffic = new Traffic();
  /** Who may take part. */
  readonly reception: Reception;
  #ending: Ending | null = null;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#lostWorkers = new LostWorkers(options.context.clock, options.leftBehind);
    const report = (fact: RunFact) => options.onEvent({ type: 'reported', fact });
    this.#strangers = new PeerLog(STRANGER_LIMITS, report);
    this.#workerLog = new PeerLog(WORKER_LIMITS, report);
    this.reception = new Reception(options, {
      joined: this.joined,
      lostWorkers: this.#lostWorkers,
      sessions: this.#sessions,
      onEvent: options.onEvent,
      incurDebt: (session) => this.#incurDebt(session),
      dismiss: (session, code, reason) => this.#dismiss(session, code, reason),
      leave: (worker, reason) => this.#leave(worker, reason, false),
      reportOfStranger: (fact) => this.#reportOfStranger(fact),
      reportOfWorker: (fact) => this.reportOfWorker(fact),
    });
  }

  /** Takes over a connection: greets, serves and forgets the worker at its other end. */
  accept(connection: WorkerConnection): void {
    const now = this.#now;
    const session: PeerSession = {
      connection,
      state: { name: 'greeting' },
      heardAtMs: now,
      bytesHeard: connection.bytesHeard,
      deadlineMs: now + HELLO_WITHIN_MS,
      owed: 0,
      draining: false,
      memoryReportedAtMs: -Infinity,
    };
    this.#sessions.add(session);
    this.#converse(session).catch((error: unknown) => this.#options.onEvent({ type: 'failed', error }));
  }

  // ── Who takes part ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends a worker work, which it owes an answer from now on; nothing when it is not connected. */
  lease(workerId: WorkerId, work: Extract<ServerMessage, { type: 'lease' | 'evaluation-lease' }>): void {
    const session = this.joined.get(workerId)?.session ?? null;
    if (session === null) return;
    this.joined.noteLease(workerId, work, this.#now);
    this.#incurDebt(session);
    session.connection.send(work);
  }

  /** Asks a worker to finish what it holds and leave; it gets nothing more. @returns whether it is connected. */
  drain(workerId: WorkerId): boolean {
    const session = this.joined.get(workerId)?.session ?? null;
    if (session === null) return false;
    session.draining = true;
    session.connection.send({ type: 'drain' });
    this.#options.onEvent({ type: 'worker-draining', workerId });
    return true;
  }

  /** Ends a worker's part in the run, as the coordinator orders. */
  expel(workerId: WorkerId, cause: ExpulsionCause, reason: string): void {
    const worker = this.joined.get(workerId);
    if (worker === undefined) return;
    const { session } = worker;
    if (session !== null) {
      session.state = { name: 'closing' };
      session.connection.close(expulsionCodes[cause], reason);
      worker.session = null;
      this.#lostWorkers.lost(workerId);
    }
    this.#forget(worker, reason);
  }

  /** Sends a worker away whose result no honest worker can have sent. */
  refuseResult(workerId: WorkerId, fault: string): void {
    const session = this.joined.get(workerId)?.session ?? null;
    if (session !== null) this.#dismiss(session, closeCodes.malformed, fault);
  }

  /** Tells that a peer was refused before there was a connection, unless there is too much to tell. */
  refused(remote: string, reason: string): void {
    this.#reportOfStranger({ type: 'connection-closed', remote, reason });
  }

  /** Tells something about a worker, unless there is too much to tell. */
  reportOfWorker(fact: RunFact): void {
    this.#workerLog.note(fact, this.#now);
  }

  // ── The passing of time ────────────────────────────────────────────────────────────────────────────────────────────

  /** Judges silences and shows that this side is alive: to be called about once a second. */
  tick(): void {
    const now = this.#now;
    this.#strangers.tick(now);
    this.#workerLog.tick(now);
    for (const session of this.#sessions) this.#watch(session, now);
    this.reception.giveWay();
  }

  #watch(session: PeerSession, now: number): void {
    const { deadAfterMs } = this.#options.liveness;
    const { connection, state, bytesHeard } = session;
    // Every byte is a sign of life, not only whole messages.
    const isHeard = connection.isLocal || connection.bytesHeard > bytesHeard;
    session.bytesHeard = connection.bytesHeard;
    if (isHeard) session.heardAtMs = now;
    // Unasked: behind a large result on a slow link the worker's own sign of life comes late, and so would the answer to it.
    if (state.name !== 'greeting' && state.name !== 'closing') {
      connection.send({ type: 'alive', ...this.#question(session) });
    }
    if (state.name === 'ready') {
      if (isHeard) this.#options.onEvent({ type: 'worker-heard', workerId: state.worker.workerId });
    } else if (state.name !== 'closing') {
      if (now >= session.deadlineMs) {
        const missing = state.name === 'greeting' ? 'hello' : 'ready';
        this.#dismiss(session, closeCodes.handshakeTimeout, `no ${missing} in time`);
      } else if (now - session.heardAtMs >= deadAfterMs) {
        this.#dismiss(session, closeCodes.silent, `nothing heard for ${deadAfterMs / 1000} s`);
      }
    }
  }

  /** While steps are traced, a sign of life asks for the worker's clock. */
  #question({ state }: PeerSession): { readonly clockMs?: number } {
    if (state.name !== 'ready') return {};
    const nowMs = this.#options.context.clock.exact();
    const clockMs = this.#options.tracer?.asking(state.worker.workerId, nowMs) ?? null;
    return clockMs === null ? {} : { clockMs };
  }

  /** Bytes on the wire since the last call. */
  newBytes(): { readonly bytesReceived: number; readonly bytesSent: number } {
    return this.#traffic.newBytes(this.#sessions);
  }

  // ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Lets everybody go. Whoever comes later is told the same, and nothing is reported or handed on any more. */
  end(ending: Ending): void {
    this.#ending = ending;
    for (const { connection, state } of this.#sessions) {
      if (ending.outcome === 'rolled-back') connection.close(closeCodes.goingAway, ROLLING_BACK);
      else if (state.name !== 'closing') {
        connection.send(shutdownOf(ending));
        connection.close(closeCodes.normal, 'the run is over');
      }
    }
  }

  /** Closes everything after a fault of our own. */
  abort(reason: string): void {
    this.#ending ??= { outcome: 'halted', reason };
    for (const { connection } of this.#sessions) connection.close(closeCodes.goingAway, reason);
  }

  /** Workers that lost their connection within the last `ms` before the end, and have not been told of it. */
  untold(ms: number): number {
    return this.#lostWorkers.within(ms);
  }

  /** Resolves when those have come back and been told, or after `ms`. */
  farewell(ms: number): Promise<void> {
    return this.#lostWorkers.returned(ms);
  }

  // ── A conversation ─────────────────────────────────────────────────────────────────────────────────────────────────

  async #converse(session: PeerSession): Promise<void> {
    const { connection } = session;
    for await (const message of connection) {
      session.heardAtMs = this.#now;
      this.#receive(session, message);
    }
    const { code, reason } = await connection.closed;
    this.#sessions.delete(session);
    this.#traffic.connectionEnded(connection);
    const why = `connection closed (${code}${reason ? `: ${reason}` : ''})`;
    const { state } = session;
    session.state = { name: 'closing' };
    // The run is over and its log closed: everybody leaves, and nobody needs to know.
    if (this.#ending !== null || state.name === 'closing') return;
    if (state.name !== 'ready') {
      return this.#reportOfStranger({ type: 'connection-closed', remote: connection.remote, reason: why });
    }
    const { worker } = state;
    worker.session = null;
    // Who leaves, or broke it himself, does not get a grace.
    const atFault = INEXCUSABLE.has(code);
    if (atFault || session.draining) return this.#leave(worker, why, atFault);
    this.#lostWorkers.lost(worker.workerId);
    this.#options.onEvent({ type: 'worker-lost', workerId: worker.workerId, reason: why });
  }

  #receive(session: PeerSession, message: WorkerMessage): void {
    const { state } = session;
    if (state.name === 'closing') return;
    // The log is closed and the figures are final: only a newcomer is still told that the run is over.
    if (this.#ending !== null && message.type !== 'hello') return;
    switch (message.type) {
      case 'hello':
        return state.name === 'greeting' ? this.#greet(session, message) : this.#unexpected(session, message);
      case 'ready': {
        const { run, incarnation } = this.#options.context.identity;
        const isOurs = message.run === run && message.incarnation === incarnation;
        if (state.name !== 'preparing' || !isOurs) return this.#unexpected(session, message);
        return this.reception.prepared(session, { ...state, ready: message });
      }
      case 'result':
      case 'evaluation-result':
      case 'lease-returned':
        return this.#answered(session, message);
      case 'draining':
        if (state.name !== 'ready') return this.#unexpected(session, message);
        session.draining = true;
        return this.#options.onEvent({ type: 'worker-draining', workerId: state.worker.workerId });
      case 'heartbeat':
        return this.#noteHeartbeat(session, message);
      case 'spans':
        return this.#noteSpans(session, message);
      case 'bye':
        return this.#dismiss(session, closeCodes.normal, message.reason);
      case 'error':
        return this.#dismiss(session, closeCodes.normal, message.message);
      default:
        message satisfies never;
    }
  }

  #greet(session: PeerSession, hello: Hello): void {
    if (this.#ending === null) return this.reception.greet(session, hello);
    // It finds the server that goes on when it tries again.
    if (this.#ending.outcome === 'rolled-back') return this.#dismiss(session, closeCodes.goingAway, ROLLING_BACK);
    session.connection.send(shutdownOf(this.#ending));
    this.#dismiss(session, closeCodes.normal, 'the run is over');
    this.#lostWorkers.back(hello.workerId);
  }

  /** Each lease is answered once: with its result, or by giving it back. */
  #answered(
    session: PeerSession,
    message: Extract<WorkerMessage, { type: 'result' | 'evaluation-result' | 'lease-returned' }>,
  ): void {
    const { state, connection } = session;
    if ((state.name !== 'ready' && state.name !== 'waiting') || session.owed === 0) {
      return this.#unexpected(session, message);
    }
    session.owed--;
    connection.excuse();
    // While none is due, no large message need be taken.
    if (session.owed === 0) connection.expect(0);
    const { task, block } = message;
    const workerId = state.name === 'ready' ? state.worker.workerId : state.hello.workerId;
    // Others compute now, with other arithmetic.
    if (state.name === 'waiting') {
      if (message.type !== 'lease-returned') connection.send({ type: 'stale', task, block });
    } else if (message.type !== 'lease-returned') {
      state.worker.speed.note(message.samples, message.computeMs);
      this.#options.onEvent({ type: 'result-arrived', workerId, result: message });
    } else if (message.incarnation === this.#options.context.identity.incarnation) {
      this.#options.onEvent({ type: 'lease-returned', workerId, task, block });
    }
  }

  #incurDebt(session: PeerSession): void {
    session.owed++;
    session.connection.expect(maxResultBytes(this.#options.gradientBytes));
  }

  /** Said before the result of a lease that asked for it. */
  #noteSpans(session: PeerSession, message: LeaseSpans): void {
    const { state, owed } = session;
    const { tracer, context } = this.#options;
    if (!tracer || owed === 0 || (state.name !== 'ready' && state.name !== 'waiting')) {
      return this.#unexpected(session, message);
    }
    // What others computed with other arithmetic is nobody's step.
    if (state.name === 'waiting') return;
    const fault = tracer.told(state.worker.workerId, message, context.clock.exact());
    if (fault !== null) this.#dismiss(session, closeCodes.malformed, fault);
  }

  #noteHeartbeat(session: PeerSession, { rssBytes, tensors, clock }: Heartbeat): void {
    const { state, heardAtMs, memoryReportedAtMs } = session;
    if (state.name !== 'ready') return;
    const { workerId, rank } = state.worker;
    if (clock !== undefined) this.#options.tracer?.answered(workerId, clock, this.#options.context.clock.exact());
    if (heardAtMs - memoryReportedAtMs >= REPORT_MEMORY_EVERY_MS) {
      session.memoryReportedAtMs = heardAtMs;
      const serverRssBytes = residentBytes();
      this.reportOfWorker({ type: 'memory', rank, rssBytes, tensors, serverRssBytes });
    }
    this.#options.onEvent({ type: 'worker-heard', workerId });
  }

  // ── Going ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  #unexpected(session: PeerSession, message: WorkerMessage): void {
    const text = `${message.type} means nothing here: the session is ${session.state.name}`;
    this.#dismiss(session, closeCodes.unexpected, text);
  }

  /** Closes a session: whoever was at its other end takes no part from now on. */
  #dismiss(session: PeerSession, code: number, reason: string): void {
    const { state, connection } = session;
    if (state.name === 'closing') return;
    session.state = { name: 'closing' };
    connection.close(code, reason);
    if (state.name === 'ready') {
      state.worker.session = null;
      this.#leave(state.worker, reason, code !== closeCodes.normal && code !== closeCodes.goingAway);
    } else if (code !== closeCodes.rejected) {
      this.#reportOfStranger({ type: 'connection-closed', remote: connection.remote, reason });
    }
  }

  #leave(worker: JoinedWorker, reason: string, atFault: boolean): void {
    this.#options.onEvent({ type: 'worker-left', workerId: worker.workerId, reason, atFault });
    this.#forget(worker, reason);
  }

  #forget(worker: JoinedWorker, reason: string): void {
    if (!this.joined.remove(worker.workerId) || this.#ending !== null) return;
    const { workerId, rank } = worker;
    this.reportOfWorker({ type: 'worker-left', workerId, rank, reason, workers: this.joined.size });
    this.reception.workerIsGone();
  }

  #reportOfStranger(fact: RunFact): void {
    if (this.#ending === null) this.#strangers.note(fact, this.#now);
  }

  get #now(): number {
    return this.#options.context.clock.now();
  }
}
