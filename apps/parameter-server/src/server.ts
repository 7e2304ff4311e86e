import {
  PROTOCOL_VERSION,
  maxResultBytes,
  type Block,
  type EvaluationResult,
  type Heartbeat,
  type Hello,
  type Ready,
  type Result,
  type ServerMessage,
  type WorkerMessage,
} from '@convoy/protocol/messages';
import { metricFigure } from '@convoy/protocol/metric';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { HealthFinding, Rollback, RunEvent, RunFact, RunOutcome, RunSummary } from '@convoy/protocol/run-events';
import { Course, type Position } from '@convoy/training/coordinator/course';
import type {
  CoordinatorEffect,
  CoordinatorEvent,
  ExpulsionCause,
  GradientTask,
  Task,
  WorkerId,
} from '@convoy/training/coordinator/events';
import {
  DEFAULT_COORDINATOR_OPTIONS,
  FROM_THE_START,
  SynchronousCoordinator,
  type CoordinatorOptions,
  type StartingPoint,
} from '@convoy/training/coordinator/synchronous';
import { gradientArithmetic, type GradientArithmetic } from '@convoy/training/gradient-arithmetic';
import { normOf } from '@convoy/training/optimizer/gradient-norm';
import type { CallbacksState } from '@convoy/training/callbacks/callbacks';
import type { ParameterLayout } from '@convoy/training/optimizer/optimizer';
import { TreeReduction, type Sums } from '@convoy/training/reduction';
import { SAMPLING_VERSION, type Extent } from '@convoy/training/sampling';
import { learningRateAt } from '@convoy/training/schedule';
import { closeCodes } from '@convoy/transport/connection';
import { Absentees } from './absentees.ts';
import { refusalOfHello, refusalOfReady, type Refusal } from './admission.ts';
import { Callbacks, type EpochVerdict } from './callbacks.ts';
import type { CheckpointStore, SaveCause } from './checkpoint-store.ts';
import type { HealthWatch, Reaction } from './health-watch.ts';
import type { Parameters } from './parameters.ts';
import { Publication } from './publication.ts';
import { LARGEST_NORM, Plausibility, faultOf, suspicionOfSums } from './results.ts';
import type { RunFigures } from './run-figures.ts';
import type { RunFolder } from './run-folder.ts';
import type { Member, Session, WorkerConnection } from './session.ts';
import { StrangerLog, type StrangerFact } from './stranger-log.ts';
import { SumBuffers } from './sum-buffers.ts';

export interface ServerOptions {
  readonly run: string;
  /** Names this process's turn at the run: random per start. */
  readonly incarnation: string;
  readonly config: RunConfig;
  readonly extent: Extent;
  readonly model: ParameterLayout & {
    readonly hash: string;
    readonly parameterCount: number;
    readonly trainableCount: number;
  };
  readonly dataFingerprint: string;
  readonly folder: RunFolder;
  /** The training state and the figures, as they are at `start`. */
  readonly parameters: Parameters;
  readonly figures: RunFigures;
  readonly start?: StartingPoint | undefined;
  /** What the callbacks have seen and decided by then. */
  readonly callbacks?: CallbacksState | undefined;
  /** The arithmetic that a resumed deterministic run began with. */
  readonly numericsFingerprint?: string | null;
  /** Null keeps none. */
  readonly checkpoints: Pick<CheckpointStore, 'save' | 'flush'> | null;
  /** Throws when another process serves the run now: asked before the run's result is written. */
  readonly fence?: () => Promise<void>;
  /** Null watches nothing. */
  readonly health?: HealthWatch | null;
  /** What earlier rollbacks left of the learning rate. Default 1. */
  readonly learningRateFactor?: number;
  /** Makes the run's folder go on from before a collapse: asked for when the health watch wants it. */
  readonly rollBack?: (finding: HealthFinding, fromStep: number) => Promise<Rollback>;
  readonly coordinator: Partial<CoordinatorOptions>;
  readonly onEvent: (event: RunEvent) => void;
  readonly clock: Clock;
}

/** The time, and a way to be called again: a test brings its own. */
export interface Clock {
  /** Milliseconds since the Unix epoch; never goes back. */
  now(): number;
  /** Calls back once after `delayMs` unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface RunEnd {
  /** `rolled-back` is no end of the run: whoever serves it opens it again, as after a crash. */
  readonly outcome: RunOutcome | 'rolled-back';
  readonly reason: string;
  readonly summary: RunSummary;
  /** What the run was halted or rolled back for; null when its training had not collapsed. */
  readonly collapse: HealthFinding | null;
}

export const HEARTBEAT_INTERVAL_MS = 1_000;
const REPORT_MEMORY_EVERY_MS = 10_000;
const HELLO_WITHIN_MS = 10_000;
/** Time to open or download the data and load the engine. */
const READY_WITHIN_MS = 15 * 60_000;

/** A block's sums, and how long its worker says they took. */
type Delivery = Sums & { readonly computeMs: number };

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
const ROLLING_BACK = 'the run goes back to a checkpoint: connect again';
/** Ranks that are remembered of workers that are gone. */
const MAX_RANKS = 4_096;

const expulsionCodes: Record<ExpulsionCause, number> = {
  dead: closeCodes.silent,
  hung: closeCodes.hung,
  poisonous: closeCodes.poisonous,
};

/**
 * The parameter server: carries out the coordinator's effects. It owns the parameters, the sums and the connections; what
 * happens when is the coordinator's decision.
 */
export class ParameterServer {
  /** Resolves when the run is over and its folder is complete; rejects on a fault of our own. */
  readonly ended: Promise<RunEnd>;
  readonly #options: ServerOptions;
  readonly #liveness: Pick<CoordinatorOptions, 'suspectAfterMs' | 'deadAfterMs'>;
  readonly #coordinator: SynchronousCoordinator;
  readonly #buffers: SumBuffers;
  readonly #gradients: GradientArithmetic;
  readonly #publication: Publication;
  readonly #callbacks: Callbacks;
  readonly #plausibility = new Plausibility();
  readonly #absentees: Absentees;
  readonly #strangers = new StrangerLog((fact) => this.report(fact));
  readonly #sessions = new Set<Session>();
  readonly #members = new Map<WorkerId, Member>();
  /** Ranks that workers have had, for when they come back. */
  readonly #ranks = new Map<WorkerId, number>();
  readonly #inbox: { readonly event: CoordinatorEvent; readonly sums: Delivery | null }[] = [];
  #handling = false;
  #reduction: { readonly task: Task; readonly tree: TreeReduction } | null = null;
  /** Bytes of connections that have ended, and all that the last step event accounted for. */
  readonly #endedBytes = { received: 0, sent: 0 };
  #accountedBytes = { received: 0, sent: 0 };
  #numericsFingerprint: string | null;
  /** Something computed with that arithmetic is in the parameters. */
  #numericsAreBinding: boolean;
  #nextRank = 0;
  /** What workers say the present task's collected blocks took them. */
  #computeMs = 0;
  #end: { readonly outcome: RunEnd['outcome']; readonly reason: string } | null = null;
  /** What is being done about a collapse. */
  #reaction: Reaction | null = null;
  #cancelWake = () => {};
  #tickedAtMs = 0;
  #resolveEnded!: (end: RunEnd) => void;
  #rejectEnded!: (error: unknown) => void;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.ended = new Promise((resolve, reject) => {
      this.#resolveEnded = resolve;
      this.#rejectEnded = reject;
    });
    const { config, extent, model, run, start = FROM_THE_START } = options;
    const coordinatorOptions = { ...DEFAULT_COORDINATOR_OPTIONS, ...options.coordinator };
    this.#liveness = coordinatorOptions;
    this.#numericsFingerprint = options.numericsFingerprint ?? null;
    this.#numericsAreBinding = this.#numericsFingerprint !== null;
    this.#buffers = new SumBuffers(model.parameterCount);
    this.#gradients = gradientArithmetic(config.gradientFormat, model);
    this.#absentees = new Absentees(options.clock);
    this.#publication = new Publication(run, options.incarnation);
    const { parameters, figures, callbacks: state } = options;
    this.#callbacks = new Callbacks({
      config,
      extent,
      parameters,
      figures,
      state,
      report: (fact) => this.report(fact),
    });
    this.#coordinator = new SynchronousCoordinator(new Course(config, extent), start, coordinatorOptions);
    const { totalSteps, stepsPerEpoch, trainSamples, validationSamples, testSamples } = extent;
    const identity = { run, incarnation: options.incarnation, totalSteps, stepsPerEpoch };
    if (start !== FROM_THE_START) this.report({ type: 'run-resumed', ...identity, step: start.position.step });
    else {
      const sizes = { trainSamples, validationSamples, testSamples, parameterCount: model.parameterCount };
      this.report({ type: 'run-started', ...identity, ...sizes });
    }
    this.#tick();
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
    this.#converse(session).catch((error: unknown) => this.fail(error));
  }

  /** Ends the run where it stands; the parameters so far are saved. */
  stop(reason: string): void {
    this.#tell({ type: 'stop-requested', reason });
  }

  /** Ends the run as failed: nothing can go on. */
  halt(reason: string): void {
    this.#tell({ type: 'halt-requested', reason });
  }

  /** Workers that lost their connection within the last `ms` before the end, and have not been told of it. */
  untold(ms: number): number {
    return this.#absentees.within(ms);
  }

  /** Resolves when those have come back and been told, or after `ms`: until then the listener should stay. */
  farewell(ms: number): Promise<void> {
    return this.#absentees.returned(ms);
  }

  // ── Sessions ───────────────────────────────────────────────────────────────────────────────────────────────────────

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
    if (this.#end !== null || state.name === 'closing') return;
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
      return this.#tell({ type: 'worker-lost', workerId, reason: why });
    }
    this.#tell({ type: 'worker-left', workerId, reason: why, atFault });
    this.#forget(member, why);
  }

  #receive(session: Session, message: WorkerMessage): void {
    const { state } = session;
    if (state.name === 'closing') return;
    // The log is closed and the figures are final: only a newcomer is still told that the run is over.
    if (this.#end !== null && message.type !== 'hello') return;
    switch (message.type) {
      case 'hello':
        return state.name === 'greeting' ? this.#greet(session, message) : this.#unexpected(session, message);
      case 'ready':
        return state.name === 'preparing' ? this.#admit(session, message) : this.#unexpected(session, message);
      case 'result':
      case 'evaluation-result':
        if (state.name !== 'ready' || !this.#settleDebt(session)) return this.#unexpected(session, message);
        return this.#takeResult(session, state.member, message);
      case 'lease-returned': {
        if (state.name !== 'ready' || !this.#settleDebt(session)) return this.#unexpected(session, message);
        const { task, block } = message;
        if (message.incarnation !== this.#options.incarnation) return;
        return this.#tell({ type: 'lease-returned', workerId: state.member.workerId, task, block });
      }
      case 'draining':
        if (state.name !== 'ready') return this.#unexpected(session, message);
        session.draining = true;
        return this.#tell({ type: 'worker-draining', workerId: state.member.workerId });
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
    session.connection.expect(maxResultBytes(this.#gradients.messageBytes));
  }

  #noteHeartbeat(session: Session, { rssBytes, tensors }: Heartbeat): void {
    const { state, heardAtMs, memoryReportedAtMs } = session;
    if (state.name !== 'ready') return;
    if (heardAtMs - memoryReportedAtMs >= REPORT_MEMORY_EVERY_MS) {
      session.memoryReportedAtMs = heardAtMs;
      const serverRssBytes = process.memoryUsage.rss();
      this.report({ type: 'memory', rank: state.member.rank, rssBytes, tensors, serverRssBytes });
    }
    this.#tell({ type: 'worker-heard', workerId: state.member.workerId });
  }

  #greet(session: Session, hello: Hello): void {
    const { config, model, run, clock } = this.#options;
    const { connection } = session;
    const refusal = refusalOfHello(hello, config);
    if (refusal !== null) return this.#refuse(session, hello.name, refusal);
    // It finds the server that goes on when it tries again.
    if (this.#end?.outcome === 'rolled-back') return this.#dismiss(session, closeCodes.goingAway, ROLLING_BACK);
    if (this.#end !== null) {
      const { outcome, reason } = this.#end;
      connection.send({ type: 'shutdown', completed: outcome === 'completed', reason });
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
      incarnation: this.#options.incarnation,
      rank,
      config,
      parameterCount: model.parameterCount,
      // Three chances to be heard before silence is suspicious, however soon that is.
      heartbeatIntervalMs: Math.ceil(Math.min(HEARTBEAT_INTERVAL_MS, this.#liveness.suspectAfterMs / 3)),
      silentAfterMs: this.#liveness.deadAfterMs,
    });
  }

  #admit(session: Session, ready: Ready): void {
    const { config, model, dataFingerprint, run, clock } = this.#options;
    if (session.state.name !== 'preparing') return;
    const { hello, rank } = session.state;
    const { workerId, name, engine } = hello;
    if (ready.run !== run || ready.incarnation !== this.#options.incarnation) return this.#unexpected(session, ready);
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
    this.#figures.workerJoined(clock.now(), this.#members.size);
    if (known === undefined) {
      const threads = `${engine.threads} ${engine.threads === 1 ? 'thread' : 'threads'}`;
      this.report({
        type: 'worker-joined',
        workerId,
        rank,
        name,
        engine: `${engine.name} ${engine.version}, ${threads}`,
        workers: this.#members.size,
      });
    }
    this.#tell({ type: 'worker-joined', workerId, holding: ready.holding });
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
    this.#tell({ type: 'worker-lost', workerId: member.workerId, reason: 'it has connected again' });
  }

  #refuse(session: Session, name: string, { reason, message }: Refusal): void {
    if (this.#end === null) this.#reportStranger({ type: 'worker-rejected', name, reason: message });
    session.connection.send({ type: 'reject', reason, message });
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
      this.#tell({ type: 'worker-left', workerId: member.workerId, reason, atFault: code !== closeCodes.normal });
      this.#forget(member, reason);
    } else if (this.#end === null && code !== closeCodes.rejected) {
      this.#reportStranger({ type: 'connection-closed', remote: connection.remote, reason });
    }
  }

  #forget(member: Member, reason: string): void {
    if (!this.#members.delete(member.workerId) || this.#end !== null) return;
    // A worker that was the first and gave nothing does not decide whose arithmetic the run has.
    if (this.#members.size === 0 && !this.#numericsAreBinding) this.#numericsFingerprint = null;
    const { workerId, rank } = member;
    this.report({ type: 'worker-left', workerId, rank, reason, workers: this.#members.size });
  }

  // ── Results ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #takeResult(session: Session, { workerId }: Member, result: Result | EvaluationResult): void {
    const { config, extent, run } = this.#options;
    const { task, block } = result;
    if (result.run !== run || result.incarnation !== this.#options.incarnation) {
      return this.#answer(workerId, result.step, task, block, 'stale');
    }
    const received = { type: 'result-received', workerId, task, block } as const;
    const current = this.#reduction?.task;
    if (current?.id !== task) return this.#tell({ ...received, suspicion: null });
    const { metric } = this.#figures;
    const fault = faultOf(result, current, { config, extent, metric, gradientBytes: this.#gradients.messageBytes });
    if (fault !== null) return this.#dismiss(session, closeCodes.malformed, fault);
    const { samples, lossSum, metricSum, computeMs } = result;
    const tally = { samples, lossSum, metricSum, computeMs };
    const suspicion = suspicionOfSums(tally);
    if (result.type !== 'result') return this.#tell({ ...received, suspicion }, { ...tally, vector: null });
    const vector = this.#buffers.take();
    this.#gradients.unpack(result.gradient, vector);
    const judged = suspicion ?? this.#plausibility.suspicionOf(this.#gradientNorm(vector, samples));
    this.#tell({ ...received, suspicion: judged }, { ...tally, vector });
  }

  #answer(workerId: WorkerId, step: number, task: number, block: Block, reason: 'stale' | 'duplicate' | 'bad'): void {
    if (this.#end === null) this.report({ type: 'result-discarded', step, block, workerId, reason });
    this.#connectionOf(workerId)?.send({ type: reason, task, block });
  }

  // ── The coordinator's events and effects ───────────────────────────────────────────────────────────────────────────

  /** Hands an event to the coordinator and carries out what it orders; events that arise meanwhile wait their turn. */
  #tell(event: CoordinatorEvent, sums: Delivery | null = null): void {
    this.#inbox.push({ event, sums });
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        for (const effect of this.#coordinator.handle(next.event, this.#options.clock.now())) {
          this.#perform(effect, next.sums);
        }
      }
    } finally {
      this.#handling = false;
    }
    this.#scheduleWake();
  }

  /** What the server itself concluded comes before all that waits: the coordinator must know what it has caused. */
  #reply(...events: readonly CoordinatorEvent[]): void {
    this.#inbox.unshift(...events.map((event) => ({ event, sums: null })));
  }

  /** Answers an order that may have ended an epoch, after what the callbacks made of it. */
  #replyAfter({ events, ...saving }: EpochVerdict, answer: CoordinatorEvent): void {
    if (events.some(({ type }) => type === 'parameters-replaced')) this.#publication.forget();
    this.#reply(...events, { ...answer, ...saving });
  }

  #scheduleWake(): void {
    this.#cancelWake();
    if (this.#end !== null) return;
    // From the last tick, not from now: what happens all the time must not put off what is due every second.
    const atMs = Math.min(this.#tickedAtMs + HEARTBEAT_INTERVAL_MS, this.#coordinator.wakeAtMs);
    const delayMs = atMs - this.#options.clock.now();
    this.#cancelWake = this.#options.clock.after(Math.max(1, delayMs), () => this.#tick());
  }

  #tick(): void {
    const now = this.#options.clock.now();
    this.#tickedAtMs = now;
    this.#strangers.tick(now);
    for (const session of this.#sessions) {
      const { connection, state, bytesHeard } = session;
      // In one process, compute blocks the loop that would answer. Anywhere else every byte is a sign of life, not only whole messages.
      const heard = connection.remote === 'memory' || connection.bytesHeard > bytesHeard;
      session.bytesHeard = connection.bytesHeard;
      if (heard) session.heardAtMs = now;
      // Unasked: behind a large result on a slow link the worker's own sign of life comes late, and so would the answer to it.
      if (state.name === 'preparing' || state.name === 'ready') connection.send({ type: 'alive' });
      if (state.name === 'ready') {
        if (heard) this.#tell({ type: 'worker-heard', workerId: state.member.workerId });
      } else if (state.name !== 'closing') {
        if (now >= session.deadlineMs) {
          const missing = state.name === 'greeting' ? 'hello' : 'ready';
          this.#dismiss(session, closeCodes.handshakeTimeout, `no ${missing} in time`);
        } else if (now - session.heardAtMs >= this.#liveness.deadAfterMs) {
          const seconds = this.#liveness.deadAfterMs / 1000;
          this.#dismiss(session, closeCodes.silent, `nothing heard for ${seconds} s`);
        }
      }
    }
    this.#tell({ type: 'tick' });
  }

  #perform(effect: CoordinatorEffect, sums: Delivery | null): void {
    switch (effect.type) {
      case 'open':
        this.#reduction?.tree.clear();
        this.#reduction = {
          task: effect.task,
          tree: new TreeReduction(effect.task.leaves, undefined, this.#buffers.give, this.#gradients.add),
        };
        this.#computeMs = 0;
        return this.#figures.taskOpened(this.#options.clock.now());
      case 'send-parameters': {
        const connection = this.#connectionOf(effect.workerId);
        if (connection) this.#publication.send(connection, effect.step, this.#parameters.values);
        return;
      }
      case 'lease':
        return this.#lease(effect);
      case 'cancel':
        return this.#connectionOf(effect.workerId)?.send({ type: 'cancel', task: effect.task, block: effect.block });
      case 'collect':
        this.#reduction!.tree.add(effect.block, sums!);
        this.#computeMs += sums!.computeMs;
        return this.#connectionOf(effect.workerId)?.send({
          type: 'accepted',
          task: effect.task.id,
          block: effect.block,
        });
      case 'discard':
        if (sums?.vector) this.#buffers.give(sums.vector);
        return this.#answer(effect.workerId, this.#reduction?.task.step ?? 0, effect.task, effect.block, effect.reason);
      case 'release': {
        const { task, block, workerId, reason } = effect;
        return this.report({ type: 'released', step: task.step, block, workerId, reason });
      }
      case 'suspect':
        return this.#reportMember(effect.workerId, (who) => ({
          type: 'worker-suspected',
          ...who,
          reason: effect.reason,
        }));
      case 'recover':
        return this.#reportMember(effect.workerId, (who) => ({ type: 'worker-recovered', ...who }));
      case 'quarantine': {
        const { workerId, forMs, reason } = effect;
        return this.#reportMember(workerId, (who) => ({ type: 'worker-quarantined', ...who, forMs, reason }));
      }
      case 'expel':
        return this.#expel(effect.workerId, effect.cause, effect.reason);
      case 'stall':
        return this.report({
          type: 'stalled',
          step: effect.task.step,
          work: effect.task.kind,
          forMs: effect.forMs,
          waitingFor: effect.waitingFor.map(({ workerId, ...rest }) => ({ ...this.#nameOf(workerId), ...rest })),
          freeLeaves: effect.freeLeaves,
        });
      case 'commit':
        return this.#commit(effect.task);
      case 'evaluate': {
        const { task } = effect;
        const evaluation = this.#figures.evaluated(task, this.#reduction!.tree.total!, this.#options.clock.now());
        this.report({ type: 'evaluated', purpose: task.purpose, ...evaluation });
        if (task.purpose === 'validation') this.#reportAll(this.#options.health?.validated(evaluation));
        const verdict = task.purpose === 'validation' ? this.#callbacks.validated(evaluation) : { events: [] };
        return this.#replyAfter(verdict, { type: 'evaluated', task: task.id });
      }
      case 'retry':
        return this.report({ type: 'step-retried', step: effect.task.step, reason: effect.reason });
      case 'skip': {
        const { epochEnd } = this.#figures.stepSkipped(this.#options.clock.now());
        this.report({ type: 'step-skipped', step: effect.task.step, reason: effect.reason });
        if (epochEnd !== null) this.report({ type: 'epoch-ended', ...epochEnd });
        this.#reportAll(this.#options.health?.skipped(effect.task.step + 1, effect.reason, epochEnd));
        this.#reactToHealth();
        const verdict = this.#callbacks.stepDone(effect.task.step + 1, epochEnd);
        return this.#replyAfter(verdict, { type: 'skipped', task: effect.task.id });
      }
      case 'checkpoint':
        return this.#saveCheckpoint(effect.position, effect.cause);
      case 'pause': {
        const { ready, minWorkers } = effect;
        this.report({ type: 'waiting', workers: ready, minWorkers });
        return this.#broadcast({ type: 'pause', reason: `the run waits until ${minWorkers} workers are ready` });
      }
      case 'resume':
        this.report({ type: 'resumed', workers: effect.ready });
        return this.#broadcast({ type: 'resume' });
      case 'finish':
        return this.#finish(effect.outcome, effect.reason);
      default:
        effect satisfies never;
    }
  }

  #lease({ workerId, task, block, instead }: Extract<CoordinatorEffect, { type: 'lease' }>): void {
    if (instead !== null) {
      const { rank } = this.#nameOf(workerId);
      this.report({
        type: 'leased-again',
        step: task.step,
        work: task.kind,
        block,
        rank,
        insteadOf: this.#nameOf(instead),
      });
    }
    const session = this.#members.get(workerId)?.session ?? null;
    if (session === null) return;
    this.#incurDebt(session);
    const { connection } = session;
    const work = {
      run: this.#options.run,
      incarnation: this.#options.incarnation,
      task: task.id,
      step: task.step,
      block,
    };
    if (task.kind === 'gradient') connection.send({ type: 'lease', ...work });
    else connection.send({ type: 'evaluation-lease', ...work, purpose: task.purpose });
  }

  #expel(workerId: WorkerId, cause: ExpulsionCause, reason: string): void {
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

  #commit(task: GradientTask): void {
    const { config, extent, clock } = this.#options;
    const { vector, ...tally } = this.#reduction!.tree.total!;
    if (vector === null) throw new Error(`step ${task.step} was collected without a gradient`);
    const gradientNorm = this.#gradientNorm(vector, tally.samples);
    if (!(gradientNorm <= LARGEST_NORM)) {
      const reason = Number.isFinite(gradientNorm)
        ? `the gradient's norm is ${gradientNorm.toExponential(1)}`
        : 'the gradient is not finite';
      return this.#reply({ type: 'commit-refused', task: task.id, reason });
    }
    const { health, learningRateFactor = 1 } = this.#options;
    const scheduled = learningRateAt(task.step, this.#callbacks.learningRate, config.schedule, extent);
    const learningRate = learningRateFactor * scheduled;
    const before = this.#parameters.values;
    this.#parameters.update(vector, tally.samples, learningRate);
    this.#numericsAreBinding = true;
    this.#plausibility.noteCommitted(gradientNorm);
    const { stepMs, epochEnd } = this.#figures.committed(task, tally, clock.now());
    this.report({
      type: 'step',
      step: task.step + 1,
      epoch: task.epoch,
      samples: tally.samples,
      loss: tally.lossSum / tally.samples,
      ...metricFigure(this.#figures.metric, tally.metricSum / tally.samples),
      learningRate,
      gradientNorm,
      workers: this.#members.size,
      stepMs,
      // A worker's clock is its own: what it says can't be more than there was.
      busyShare: stepMs === 0 ? 0 : Math.min(1, this.#computeMs / (stepMs * this.#members.size)),
      ...this.#newBytes(),
    });
    if (epochEnd !== null) this.report({ type: 'epoch-ended', ...epochEnd });
    const applied = { step: task.step + 1, tally, gradientNorm, gradient: vector, before, epochEnd };
    this.#reportAll(health?.committed({ ...applied, after: this.#parameters.values }));
    this.#reactToHealth();
    const verdict = this.#callbacks.stepDone(task.step + 1, epochEnd);
    this.#replyAfter(verdict, { type: 'committed', task: task.id });
  }

  /** Ends this server at a collapse, before another step begins: so it ends at the same step whatever the workers do. */
  #reactToHealth(): void {
    const reaction = this.#options.health?.reaction ?? null;
    if (reaction === null || this.#reaction !== null) return;
    this.#reaction = reaction;
    this.#reply({ type: 'halt-requested', reason: reaction.reason });
  }

  /** Of the slopes; not finite when the statistics behind them are not. */
  #gradientNorm(vector: Float32Array, samples: number): number {
    const { trainableCount } = this.#options.model;
    const tail = normOf(vector.subarray(trainableCount));
    return Number.isFinite(tail) ? normOf(vector.subarray(0, trainableCount), samples) : tail;
  }

  /** Bytes on the wire since the last call. */
  #newBytes(): { readonly bytesReceived: number; readonly bytesSent: number } {
    const total = { ...this.#endedBytes };
    for (const { connection } of this.#sessions) {
      total.received += connection.bytesReceived;
      total.sent += connection.bytesSent;
    }
    const before = this.#accountedBytes;
    this.#accountedBytes = total;
    return { bytesReceived: total.received - before.received, bytesSent: total.sent - before.sent };
  }

  #saveCheckpoint(position: Position, cause: SaveCause): void {
    const { checkpoints, clock, config, extent, health } = this.#options;
    // It would be set aside at once.
    if (this.#reaction?.action === 'rollback') return;
    checkpoints?.save(
      {
        position,
        // Between two steps, which is where checkpoints are ordered, it is what the copy has to start with.
        consecutiveSkips: this.#coordinator.standing.consecutiveSkips,
        epoch: Math.floor(position.step / extent.stepsPerEpoch),
        optimizer: this.#parameters.state,
        figures: this.#figures.snapshot(clock.now()),
        numericsFingerprint: config.deterministic ? this.#numericsFingerprint : null,
        ...this.#figures.validationNow,
        callbacks: this.#callbacks.state,
        kept: this.#parameters.kept,
        monitored: this.#callbacks.monitoredAt(position.step),
        health: health?.snapshot() ?? null,
      },
      cause,
    );
  }

  // ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #finish(outcome: RunOutcome, reason: string): void {
    const isRolledBack = this.#reaction?.action === 'rollback';
    this.#end = { outcome: isRolledBack ? 'rolled-back' : outcome, reason };
    this.#cancelWake();
    if (isRolledBack) {
      for (const { connection } of this.#sessions) connection.close(closeCodes.goingAway, ROLLING_BACK);
      this.#concludeRollback(outcome, reason).catch((error: unknown) => this.fail(error));
      return;
    }
    for (const { connection, state } of this.#sessions) {
      if (state.name === 'closing') continue;
      connection.send({ type: 'shutdown', completed: outcome === 'completed', reason });
      connection.close(closeCodes.normal, 'the run is over');
    }
    this.#conclude(outcome, reason).catch((error: unknown) => this.fail(error));
  }

  async #conclude(outcome: RunOutcome, reason: string): Promise<void> {
    const { folder, model, checkpoints, fence } = this.#options;
    const summary = this.#summary(outcome);
    // The checkpoint first: it is what the run can go on from.
    await checkpoints?.flush();
    await fence?.();
    folder.saveParameters(this.#parameters.values, summary.steps, model.tensors, model.hash);
    this.report({ type: 'run-ended', reason, ...summary });
    folder.close();
    this.#resolveEnded({ outcome, reason, summary, collapse: this.#reaction?.finding ?? null });
  }

  async #concludeRollback(outcome: RunOutcome, reason: string): Promise<void> {
    const { folder, checkpoints, fence, rollBack } = this.#options;
    const { finding } = this.#reaction!;
    const summary = this.#summary(outcome);
    await checkpoints?.flush();
    await fence?.();
    this.report({ type: 'rolled-back', ...(await rollBack!(finding, summary.steps)) });
    folder.close();
    this.#resolveEnded({ outcome: 'rolled-back', reason, summary, collapse: finding });
  }

  #summary(outcome: RunOutcome): RunSummary {
    const { clock, health } = this.#options;
    const figures = this.#figures.summary(outcome, this.#parameters.sha256(), clock.now());
    return { ...figures, health: health?.found ?? [], rollbacks: health?.rollbacks ?? [] };
  }

  /** The run goes on with another server: workers that lose this one should look for it. */
  get isRolledBack(): boolean {
    return this.#end?.outcome === 'rolled-back';
  }

  /** A fault of our own: everybody is let go, and whoever waits for the end is told. */
  fail(error: unknown): void {
    this.#end ??= { outcome: 'halted', reason: 'the server failed' };
    this.#cancelWake();
    for (const { connection } of this.#sessions) connection.close(closeCodes.goingAway, 'the server failed');
    this.#rejectEnded(error);
  }

  // ── Small things ───────────────────────────────────────────────────────────────────────────────────────────────────

  get #parameters(): Parameters {
    return this.#options.parameters;
  }

  get #figures(): RunFigures {
    return this.#options.figures;
  }

  #connectionOf(workerId: WorkerId): WorkerConnection | undefined {
    return this.#members.get(workerId)?.session?.connection;
  }

  #nameOf(workerId: WorkerId): { readonly rank: number; readonly name: string } {
    const { rank, name } = this.#members.get(workerId)!;
    return { rank, name };
  }

  #broadcast(message: ServerMessage): void {
    for (const { session } of this.#members.values()) session?.connection.send(message);
  }

  #reportMember(
    workerId: WorkerId,
    fact: (who: { readonly workerId: WorkerId; readonly rank: number }) => RunFact,
  ): void {
    const member = this.#members.get(workerId);
    if (member !== undefined) this.report(fact({ workerId, rank: member.rank }));
  }

  #reportStranger(fact: StrangerFact): void {
    this.#strangers.note(fact, this.#options.clock.now());
  }

  #reportAll(facts: readonly RunFact[] = []): void {
    for (const fact of facts) this.report(fact);
  }

  /** Writes a fact to the run's log and tells the operator. */
  report(fact: RunFact): void {
    const event: RunEvent = { at: this.#options.clock.now(), ...fact };
    this.#options.folder.log(event);
    this.#options.onEvent(event);
  }
}
