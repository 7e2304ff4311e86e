import {
  asText,
  ERROR_LENGTH,
  PROTOCOL_VERSION,
  REASON_LENGTH,
  maxResultBytes,
  type EvaluationResult,
  type Heartbeat,
  type Hello,
  type Ready,
  type Result,
  type ServerMessage,
  type WorkerMessage,
} from '@convoy/protocol/messages';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunFact, RunOutcome } from '@convoy/protocol/run-events';
import type { CoordinatorEvent, ExpulsionCause, WorkerId } from '@convoy/training/coordinator/events';
import type { CoordinatorOptions } from '@convoy/training/coordinator/options';
import { SAMPLING_VERSION } from '@convoy/training/sampling';
import { closeCodes } from '@convoy/transport/connection';
import { residentBytes } from '@convoy/transport/resident-bytes';
import { Absentees } from './absentees.ts';
import { refusalOfHello, refusalOfReady, type Refusal } from './admission.ts';
import type { Clock } from './clock.ts';
import { originOf, type Member, type Session, type WorkerConnection } from './session.ts';
import { StrangerLog, type StrangerFact } from './stranger-log.ts';

export interface SessionsOptions {
  readonly run: string;
  readonly incarnation: string;
  readonly config: RunConfig;
  readonly model: { readonly hash: string; readonly parameterCount: number };
  readonly dataFingerprint: string;
  /** The arithmetic that a resumed deterministic run began with. */
  readonly numericsFingerprint: string | null;
  /** Bytes of a gradient in a worker's message. */
  readonly gradientBytes: number;
  readonly liveness: Pick<CoordinatorOptions, 'suspectAfterMs' | 'deadAfterMs'>;
  readonly clock: Clock;
  /** What workers do that the coordinator decides upon. */
  readonly onEvent: (event: CoordinatorEvent) => void;
  /** A result that its worker owed. @returns what is wrong with it when no honest worker can have sent it. */
  readonly onResult: (workerId: WorkerId, result: Result | EvaluationResult) => string | null;
  /** A worker is ready, newly or again. */
  readonly onReady: (workers: number) => void;
  readonly report: (fact: RunFact) => void;
  /** A fault of our own in a conversation. */
  readonly onFault: (error: unknown) => void;
}

/** How a server ends. */
export interface Ending {
  /** `rolled-back` is no end of the run: whoever serves it opens it again, as after a crash. */
  readonly outcome: RunOutcome | 'rolled-back';
  readonly reason: string;
}

/** How often either side shows that it is alive. */
export const HEARTBEAT_INTERVAL_MS = 1_000;
const REPORT_MEMORY_EVERY_MS = 10_000;
const HELLO_WITHIN_MS = 10_000;
/** Time to open or download the data and load the engine. */
const READY_WITHIN_MS = 15 * 60_000;
const ROLLING_BACK = 'the run goes back to a checkpoint: connect again';
/** Ranks that are remembered of workers that are gone. */
const MAX_RANKS = 4_096;

/** How a connection ends when the peer alone is to blame. */
const INEXCUSABLE = new Set<number>([
  closeCodes.notWebSocket,
  closeCodes.notUtf8,
  closeCodes.shredded,
  closeCodes.tooLarge,
  closeCodes.malformed,
  closeCodes.flooding,
  closeCodes.unread,
]);

const expulsionCodes: Record<ExpulsionCause, number> = {
  dead: closeCodes.silent,
  hung: closeCodes.hung,
  poisonous: closeCodes.poisonous,
};

/**
 * The conversations with everybody who connects: who is let in, who takes part, who owes an answer and who was heard of
 * late. What workers deliver is the parameter server's, and what follows from it the coordinator's.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #absentees: Absentees;
  readonly #strangers: StrangerLog;
  readonly #sessions = new Set<Session>();
  readonly #members = new Map<WorkerId, Member>();
  /** Ranks that workers have had, for when they come back. */
  readonly #ranks = new Map<WorkerId, number>();
  #nextRank = 0;
  /** Bytes of connections that have ended, and all that were accounted for. */
  readonly #endedBytes = { received: 0, sent: 0 };
  #accountedBytes = { received: 0, sent: 0 };
  #numericsFingerprint: string | null;
  /** Something computed with that arithmetic is in the parameters. */
  #numericsAreBinding: boolean;
  #ending: Ending | null = null;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#absentees = new Absentees(options.clock);
    this.#strangers = new StrangerLog(options.report);
    this.#numericsFingerprint = options.numericsFingerprint;
    this.#numericsAreBinding = options.numericsFingerprint !== null;
  }

  /** Takes over a connection: greets, serves and forgets the worker at its other end. */
  accept(connection: WorkerConnection): void {
    const now = this.#options.clock.now();
    const session: Session = {
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
    this.#converse(session).catch(this.#options.onFault);
  }

  // ── Who takes part ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** How many workers take part. */
  get workers(): number {
    return this.#members.size;
  }

  /** A member's place for display. @throws TypeError when it is no member. */
  nameOf(workerId: WorkerId): { readonly rank: number; readonly name: string } {
    const { rank, name } = this.#members.get(workerId)!;
    return { rank, name };
  }

  /** A member's rank; undefined when it is no member any more. */
  rankOf(workerId: WorkerId): number | undefined {
    return this.#members.get(workerId)?.rank;
  }

  /** A member's connection; undefined when it has none at the moment. */
  connectionOf(workerId: WorkerId): WorkerConnection | undefined {
    return this.#members.get(workerId)?.session?.connection;
  }

  /** Sends a member work, which it owes an answer from now on; nothing when it is not connected. */
  lease(workerId: WorkerId, work: Extract<ServerMessage, { type: 'lease' | 'evaluation-lease' }>): void {
    const session = this.#members.get(workerId)?.session ?? null;
    if (session === null) return;
    this.#incurDebt(session);
    session.connection.send(work);
  }

  broadcast(message: ServerMessage): void {
    for (const { session } of this.#members.values()) session?.connection.send(message);
  }

  /** Ends a member's part in the run, as the coordinator orders. */
  expel(workerId: WorkerId, cause: ExpulsionCause, reason: string): void {
    const member = this.#members.get(workerId);
    if (member === undefined) return;
    const { session } = member;
    if (session !== null) {
      session.state = { name: 'closing' };
      session.connection.close(expulsionCodes[cause], reason);
      member.session = null;
      this.#absentees.lost(workerId);
    }
    this.#forget(member, reason);
  }

  // ── What workers computed with ─────────────────────────────────────────────────────────────────────────────────────

  /** The arithmetic of the workers, or of what was computed so far; null before that. */
  get numericsFingerprint(): string | null {
    return this.#numericsFingerprint;
  }

  /** What was computed with the workers' arithmetic is in the parameters: no other may join. */
  bindNumerics(): void {
    this.#numericsAreBinding = true;
  }

  // ── The passing of time ────────────────────────────────────────────────────────────────────────────────────────────

  /** Judges silences and shows that this side is alive: to be called about once a second. */
  tick(): void {
    const { clock, liveness } = this.#options;
    const now = clock.now();
    this.#strangers.tick(now);
    for (const session of this.#sessions) {
      const { connection, state, bytesHeard } = session;
      // Every byte is a sign of life, not only whole messages.
      const heard = connection.isLocal || connection.bytesHeard > bytesHeard;
      session.bytesHeard = connection.bytesHeard;
      if (heard) session.heardAtMs = now;
      // Unasked: behind a large result on a slow link the worker's own sign of life comes late, and so would the answer to it.
      if (state.name === 'preparing' || state.name === 'ready') connection.send({ type: 'alive' });
      if (state.name === 'ready') {
        if (heard) this.#options.onEvent({ type: 'worker-heard', workerId: state.member.workerId });
      } else if (state.name !== 'closing') {
        if (now >= session.deadlineMs) {
          const missing = state.name === 'greeting' ? 'hello' : 'ready';
          this.#dismiss(session, closeCodes.handshakeTimeout, `no ${missing} in time`);
        } else if (now - session.heardAtMs >= liveness.deadAfterMs) {
          this.#dismiss(session, closeCodes.silent, `nothing heard for ${liveness.deadAfterMs / 1000} s`);
        }
      }
    }
  }

  /** Bytes on the wire since the last call. */
  newBytes(): { readonly bytesReceived: number; readonly bytesSent: number } {
    const total = { ...this.#endedBytes };
    for (const { connection } of this.#sessions) {
      total.received += connection.bytesReceived;
      total.sent += connection.bytesSent;
    }
    const before = this.#accountedBytes;
    this.#accountedBytes = total;
    return { bytesReceived: total.received - before.received, bytesSent: total.sent - before.sent };
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
    return this.#absentees.within(ms);
  }

  /** Resolves when those have come back and been told, or after `ms`. */
  farewell(ms: number): Promise<void> {
    return this.#absentees.returned(ms);
  }

  // ── A conversation ─────────────────────────────────────────────────────────────────────────────────────────────────

  async #converse(session: Session): Promise<void> {
    const { connection } = session;
    for await (const message of connection) {
      session.heardAtMs = this.#options.clock.now();
      this.#receive(session, message);
    }
    const { code, reason } = await connection.closed;
    this.#sessions.delete(session);
    this.#endedBytes.received += connection.bytesReceived;
    this.#endedBytes.sent += connection.bytesSent;
    const why = `connection closed (${code}${reason ? `: ${reason}` : ''})`;
    const { state } = session;
    session.state = { name: 'closing' };
    // The run is over and its log closed: everybody leaves, and nobody needs to know.
    if (this.#ending !== null || state.name === 'closing') return;
    if (state.name !== 'ready') {
      return this.#reportStranger({ type: 'connection-closed', remote: connection.remote, reason: why });
    }
    state.member.session = null;
    // Who leaves, or broke it himself, does not get a grace.
    const { member } = state;
    const { workerId } = member;
    const atFault = INEXCUSABLE.has(code);
    if (!atFault && !session.draining) {
      this.#absentees.lost(workerId);
      return this.#options.onEvent({ type: 'worker-lost', workerId, reason: why });
    }
    this.#options.onEvent({ type: 'worker-left', workerId, reason: why, atFault });
    this.#forget(member, why);
  }

  #receive(session: Session, message: WorkerMessage): void {
    const { state } = session;
    if (state.name === 'closing') return;
    // The log is closed and the figures are final: only a newcomer is still told that the run is over.
    if (this.#ending !== null && message.type !== 'hello') return;
    switch (message.type) {
      case 'hello':
        return state.name === 'greeting' ? this.#greet(session, message) : this.#unexpected(session, message);
      case 'ready':
        return state.name === 'preparing' ? this.#admit(session, message) : this.#unexpected(session, message);
      case 'result':
      case 'evaluation-result': {
        if (state.name !== 'ready' || !this.#settleDebt(session)) return this.#unexpected(session, message);
        session.connection.excuse();
        const fault = this.#options.onResult(state.member.workerId, message);
        if (fault !== null) this.#dismiss(session, closeCodes.malformed, fault);
        return;
      }
      case 'lease-returned': {
        if (state.name !== 'ready' || !this.#settleDebt(session)) return this.#unexpected(session, message);
        const { task, block } = message;
        if (message.incarnation !== this.#options.incarnation) return;
        return this.#options.onEvent({ type: 'lease-returned', workerId: state.member.workerId, task, block });
      }
      case 'draining':
        if (state.name !== 'ready') return this.#unexpected(session, message);
        session.draining = true;
        return this.#options.onEvent({ type: 'worker-draining', workerId: state.member.workerId });
      case 'heartbeat':
        return this.#noteHeartbeat(session, message);
      case 'bye':
        return this.#dismiss(session, closeCodes.normal, message.reason);
      case 'error':
        return this.#dismiss(session, closeCodes.normal, message.message);
      default:
        message satisfies never;
    }
  }

  /** Each lease is answered once; while none is due, no large message need be taken. @returns whether one was due. */
  #settleDebt(session: Session): boolean {
    if (session.owed === 0) return false;
    session.owed--;
    if (session.owed === 0) session.connection.expect(0);
    return true;
  }

  #incurDebt(session: Session): void {
    session.owed++;
    session.connection.expect(maxResultBytes(this.#options.gradientBytes));
  }

  #noteHeartbeat(session: Session, { rssBytes, tensors }: Heartbeat): void {
    const { state, heardAtMs, memoryReportedAtMs } = session;
    if (state.name !== 'ready') return;
    if (heardAtMs - memoryReportedAtMs >= REPORT_MEMORY_EVERY_MS) {
      session.memoryReportedAtMs = heardAtMs;
      const serverRssBytes = residentBytes();
      this.#options.report({ type: 'memory', rank: state.member.rank, rssBytes, tensors, serverRssBytes });
    }
    this.#options.onEvent({ type: 'worker-heard', workerId: state.member.workerId });
  }

  #greet(session: Session, hello: Hello): void {
    const { config, model, run, incarnation, liveness, clock } = this.#options;
    const { connection } = session;
    const refusal = refusalOfHello(hello, config);
    if (refusal !== null) return this.#refuse(session, hello.name, refusal);
    // It finds the server that goes on when it tries again.
    if (this.#ending?.outcome === 'rolled-back') return this.#dismiss(session, closeCodes.goingAway, ROLLING_BACK);
    if (this.#ending !== null) {
      connection.send(shutdownOf(this.#ending));
      this.#dismiss(session, closeCodes.normal, 'the run is over');
      return this.#absentees.back(hello.workerId);
    }
    const rank = this.#ranks.get(hello.workerId) ?? this.#nextRank++;
    session.state = { name: 'preparing', hello, rank };
    session.deadlineMs = clock.now() + READY_WITHIN_MS;
    connection.send({
      type: 'welcome',
      protocolVersion: PROTOCOL_VERSION,
      run,
      incarnation,
      rank,
      config,
      parameterCount: model.parameterCount,
      // Three chances to be heard before silence is suspicious, however soon that is.
      heartbeatIntervalMs: Math.ceil(Math.min(HEARTBEAT_INTERVAL_MS, liveness.suspectAfterMs / 3)),
      silentAfterMs: Math.ceil(liveness.deadAfterMs),
    });
  }

  #admit(session: Session, ready: Ready): void {
    const { config, model, dataFingerprint, run, incarnation } = this.#options;
    if (session.state.name !== 'preparing') return;
    const { hello, rank } = session.state;
    const { workerId, name, engine } = hello;
    if (ready.run !== run || ready.incarnation !== incarnation) return this.#unexpected(session, ready);
    const refusal = refusalOfReady(ready, {
      deterministic: config.deterministic,
      modelHash: model.hash,
      dataFingerprint,
      samplingVersion: SAMPLING_VERSION,
      numericsFingerprint: this.#numericsFingerprint,
    });
    if (refusal !== null) return this.#refuse(session, name, refusal);
    this.#numericsFingerprint ??= ready.numericsFingerprint;

    this.#absentees.back(workerId);
    const known = this.#members.get(workerId);
    // Its older connection may be half open: the process behind it is this one, so it is over.
    if (known?.session) this.#supersede(known.session, known);
    const member: Member = known ?? { workerId, rank, name, session: null };
    member.session = session;
    session.state = { name: 'ready', member, ready };
    session.deadlineMs = Infinity;
    session.connection.admit();
    if (ready.holding !== null) this.#incurDebt(session);
    this.#members.set(workerId, member);
    this.#rememberRank(workerId, rank);
    this.#options.onReady(this.#members.size);
    if (known === undefined) {
      const threads = `${engine.threads} ${engine.threads === 1 ? 'thread' : 'threads'}`;
      this.#options.report({
        type: 'worker-joined',
        workerId,
        rank,
        name,
        engine: `${engine.name} ${engine.version}, ${threads}`,
        workers: this.#members.size,
      });
    }
    const origin = originOf(session.connection.remote);
    this.#options.onEvent({ type: 'worker-joined', workerId, origin, holding: ready.holding });
  }

  /** Anybody can be admitted under a new name again and again: the oldest that is gone is forgotten. */
  #rememberRank(workerId: WorkerId, rank: number): void {
    this.#ranks.set(workerId, rank);
    if (this.#ranks.size <= MAX_RANKS + this.#members.size) return;
    for (const id of this.#ranks.keys()) if (!this.#members.has(id)) return void this.#ranks.delete(id);
  }

  #supersede(session: Session, member: Member): void {
    session.state = { name: 'closing' };
    session.connection.close(closeCodes.superseded, 'this worker is here on a newer connection');
    member.session = null;
    this.#options.onEvent({ type: 'worker-lost', workerId: member.workerId, reason: 'it has connected again' });
  }

  #refuse(session: Session, name: string, { reason, message }: Refusal): void {
    if (this.#ending === null) this.#reportStranger({ type: 'worker-rejected', name, reason: message });
    session.connection.send({ type: 'reject', reason, message: asText(message, ERROR_LENGTH) });
    this.#dismiss(session, closeCodes.rejected, message);
  }

  #unexpected(session: Session, message: WorkerMessage): void {
    const text = `${message.type} means nothing here: the session is ${session.state.name}`;
    this.#dismiss(session, closeCodes.unexpected, text);
  }

  /** Closes a session: whoever was at its other end is no member from now on. */
  #dismiss(session: Session, code: number, reason: string): void {
    const { state, connection } = session;
    if (state.name === 'closing') return;
    session.state = { name: 'closing' };
    connection.close(code, reason);
    if (state.name === 'ready') {
      const { member } = state;
      member.session = null;
      const atFault = code !== closeCodes.normal;
      this.#options.onEvent({ type: 'worker-left', workerId: member.workerId, reason, atFault });
      this.#forget(member, reason);
    } else if (this.#ending === null && code !== closeCodes.rejected) {
      this.#reportStranger({ type: 'connection-closed', remote: connection.remote, reason });
    }
  }

  #forget(member: Member, reason: string): void {
    if (!this.#members.delete(member.workerId) || this.#ending !== null) return;
    // A worker that was the first and gave nothing does not decide whose arithmetic the run has.
    if (this.#members.size === 0 && !this.#numericsAreBinding) this.#numericsFingerprint = null;
    const { workerId, rank } = member;
    this.#options.report({ type: 'worker-left', workerId, rank, reason, workers: this.#members.size });
  }

  #reportStranger(fact: StrangerFact): void {
    this.#strangers.note(fact, this.#options.clock.now());
  }
}

/** What a run may have ended for (a worker's last words, say) is not made for a message. */
function shutdownOf({ outcome, reason }: Ending): ServerMessage {
  return { type: 'shutdown', completed: outcome === 'completed', reason: asText(reason, REASON_LENGTH) };
}
