import { hostname } from 'node:os';
import { encode } from '@convoy/protocol/codec';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import {
  asText,
  ERROR_LENGTH,
  PROTOCOL_VERSION,
  type Block,
  type EvaluationLease,
  type Lease,
  type LeaseSpans,
  type ServerMessage,
  type Welcome,
  type WorkerMessage,
} from '@convoy/protocol/messages';
import { seconds } from '@convoy/training/coordinator/turn';
import { SAMPLING_VERSION } from '@convoy/training/sampling';
import { residentBytes } from '@convoy/transport/resident-bytes';
import { closeCodes, type Connection } from '@convoy/transport/connection';
import { packSpans } from '@convoy/protocol/lease-spans';
import { ComputeCancelled, workerClockMs, type Compute, type EngineFacts, type Prepared } from './compute/compute.ts';
import { SpanWatch } from './compute/span-watch.ts';
import type { Provision } from './supplies/provision.ts';

export type ServerConnection = Connection<ServerMessage, WorkerMessage>;

/** Told what a worker says: that all goes as it should, or what its operator should know. */
export type WorkerLog = (line: string, kind: 'routine' | 'note') => void;

export interface WorkEnd {
  /** The training has reached its end. */
  readonly completed: boolean;
  /** The coordinator asked this worker to leave a run that goes on. */
  readonly dismissed: boolean;
  readonly reason: string;
}

export interface WorkerSessionOptions {
  readonly compute: Compute;
  readonly engine: EngineFacts;
  readonly workerId: string;
  /** Proves to the server that a connection is this process's. */
  readonly secret: string;
  readonly drain: AbortSignal;
  /** What was fetched for the run before the present connection was made. */
  readonly provision: () => Provision;
  readonly log: WorkerLog;
}

/** A lease, from its arrival until the server has answered its result or this worker has returned it. */
interface Job {
  readonly lease: Lease | EvaluationLease;
  /** Settles when the compute is idle again; never rejects. */
  readonly computed: Promise<void>;
  /** The message that says how it went, once it is known, and where the time went if that was asked. */
  outcome: {
    readonly bytes: Uint8Array;
    readonly isReturned: boolean;
    readonly spans?: Omit<LeaseSpans, 'sentMs'>;
  } | null;
}

/** One conversation on one connection. */
interface Conversation {
  readonly connection: ServerConnection;
  welcome: Welcome | null;
  /** The server knows that this worker takes leases. */
  ready: boolean;
  heartbeat: NodeJS.Timeout | null;
  /** The last sign of life that asks for the time, until it is answered. */
  asked: { readonly aliveMs: number; readonly heardMs: number } | null;
  end: WorkEnd | null;
}

const ASKED_TO_LEAVE = 'asked to leave';
/** A gap between two heartbeats that only a process that stood still leaves. */
const STANDSTILL_MS = 3_000;

/** What a worker keeps between connections, and the conversation on one at a time. */
export class WorkerSession {
  readonly #options: WorkerSessionOptions;
  /** The run this worker is prepared for. */
  #prepared: { readonly key: string; readonly facts: Prepared } | null = null;
  /** Settles when no preparation is under way: a connection may be lost while one is, and the next asks for it again. */
  #preparing: Promise<unknown> = Promise.resolve();
  #job: Job | null = null;
  #conversation: Conversation | null = null;
  /** What ends this worker. */
  #failure: Error | null = null;
  /** The last result as it was sent: the next one is written over it. */
  #encodedResult: Uint8Array | undefined;
  servedSinceConnecting = false;
  /** When the parameters were taken that the next lease is computed with, until a lease has told it. */
  #parametersWatch: SpanWatch | null = null;
  /** The server asked this worker to leave. */
  #drainReason: string | null = null;

  constructor(options: WorkerSessionOptions) {
    this.#options = options;
  }

  /** Whether the coordinator asked this worker to leave. */
  get isDismissed(): boolean {
    return this.#drainReason !== null;
  }

  /** Why this worker leaves as soon as it holds nothing; null while it stays. */
  get drainReason(): string | null {
    return this.#drainReason ?? (this.#options.drain.aborted ? ASKED_TO_LEAVE : null);
  }

  /**
   * @returns how the run ended, or null when the connection was lost.
   * @throws OperatorError when the server refuses this worker; what the compute or the preparation threw.
   */
  async converse(connection: ServerConnection): Promise<WorkEnd | null> {
    const { workerId, secret, engine, drain } = this.#options;
    const conversation: Conversation = {
      connection,
      welcome: null,
      ready: false,
      heartbeat: null,
      asked: null,
      end: null,
    };
    this.#conversation = conversation;
    this.servedSinceConnecting = false;
    const onDrain = () => this.#drain(conversation);
    drain.addEventListener('abort', onDrain);
    connection.send({
      type: 'hello',
      protocolVersion: PROTOCOL_VERSION,
      workerId,
      secret,
      name: asText(`${hostname()}:${process.pid}`, 128),
      engine: { name: engine.name, version: engine.version, threads: engine.threads },
    });
    try {
      for await (const message of connection) {
        this.#receive(conversation, message);
        if (conversation.end !== null || this.#failure !== null) break;
      }
      if (this.#failure !== null) throw this.#failure;
      return conversation.end;
    } finally {
      if (conversation.heartbeat !== null) clearInterval(conversation.heartbeat);
      drain.removeEventListener('abort', onDrain);
      this.#conversation = null;
      connection.close(closeCodes.goingAway, 'the worker is stopping');
    }
  }

  #receive(conversation: Conversation, message: ServerMessage): void {
    const { welcome } = conversation;
    switch (message.type) {
      case 'welcome':
        if (welcome !== null) return this.#unexpected(conversation, message);
        conversation.welcome = message;
        conversation.heartbeat = this.#startHeartbeat(conversation, message);
        void this.#prepare(conversation, message);
        return;
      case 'reject':
        throw new OperatorError(`the coordinator refused this worker: ${message.message}`, {
          exitCode: exitCodes.rejected,
        });
      case 'parameters':
        if (!conversation.ready || this.#isComputing) return this.#unexpected(conversation, message);
        this.#parametersWatch = new SpanWatch();
        this.#parametersWatch.begin();
        this.#options.compute.setParameters(message.step, message.values);
        return this.#parametersWatch.end('decode');
      case 'lease':
      case 'evaluation-lease':
        if (!conversation.ready || this.#job !== null) return this.#unexpected(conversation, message);
        return this.#start(message);
      case 'accepted':
      case 'stale':
      case 'duplicate':
      case 'bad':
        if (this.#isJob(message)) this.#finishJob();
        return;
      case 'cancel':
        if (this.#isJob(message) && this.#isComputing) this.#options.compute.cancel();
        return;
      case 'shutdown':
        conversation.end = { completed: message.completed, dismissed: false, reason: message.reason };
        return;
      case 'drain':
        this.#drainReason = 'the coordinator asked this worker to leave';
        return this.#drain(conversation);
      case 'pause':
        return this.#options.log(`paused: ${message.reason}`, 'note');
      case 'quarantined': {
        const { forMs, reason } = message;
        return this.#options.log(`the coordinator gives this worker no work for ${seconds(forMs)}: ${reason}`, 'note');
      }
      case 'alive':
        if (message.clockMs !== undefined) {
          conversation.asked = { aliveMs: message.clockMs, heardMs: workerClockMs() };
        }
        return;
      case 'resume':
        return;
      default:
        message satisfies never;
    }
  }

  /** The server said what it can't have meant: this conversation is over, another may go better. */
  #unexpected({ connection }: Conversation, { type }: ServerMessage): void {
    connection.close(closeCodes.unexpected, `${type} means nothing here`);
  }

  // ── Leases ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  get #isComputing(): boolean {
    return this.#job !== null && this.#job.outcome === null;
  }

  #isJob({ task, block }: { readonly task: number; readonly block: Block }): boolean {
    const lease = this.#job?.lease;
    return lease?.task === task && lease.block.start === block.start && lease.block.size === block.size;
  }

  #start(lease: Lease | EvaluationLease): void {
    const job: Job = { lease, computed: this.#compute(lease), outcome: null };
    this.#job = job;
  }

  /** Computes a lease and delivers what came of it, on whatever connection there is by then. */
  async #compute(lease: Lease | EvaluationLease): Promise<void> {
    let outcome: Job['outcome'];
    try {
      outcome = await this.#outcomeOf(lease);
    } catch (error) {
      return this.#fail(error as Error);
    }
    this.#job!.outcome = outcome;
    this.servedSinceConnecting = true;
    this.#deliver();
  }

  async #outcomeOf(lease: Lease | EvaluationLease): Promise<NonNullable<Job['outcome']>> {
    const { compute } = this.#options;
    const { run, incarnation, task, step, block } = lease;
    const common = { run, incarnation, task, step, block };
    const startedMs = performance.now();
    try {
      if (lease.type === 'evaluation-lease') {
        const { purpose, details: isDetailed } = lease;
        const { samples, lossSum, metricSum, details } = await compute.evaluate({
          ...{ step, purpose, block },
          details: isDetailed,
        });
        const computeMs = performance.now() - startedMs;
        const sums = { samples, lossSum, metricSum, computeMs, ...(details === undefined ? {} : { details }) };
        const bytes = encode({ type: 'evaluation-result', ...common, ...sums });
        return { bytes, isReturned: false };
      }
      const { trace = false } = lease;
      const leasedMs = workerClockMs();
      const work = { step, block, ...(trace ? { trace } : {}) };
      const { samples, lossSum, metricSum, gradient, spans = [] } = await compute.gradient(work);
      const computeMs = performance.now() - startedMs;
      // A connection that has not sent the last result yet still reads it.
      const isFree = (this.#conversation?.connection.bufferedBytes ?? 0) === 0;
      const watch = new SpanWatch();
      watch.begin();
      this.#encodedResult = encode(
        { type: 'result', ...common, samples, lossSum, metricSum, computeMs, gradient },
        isFree ? this.#encodedResult : undefined,
      );
      watch.end('encode');
      const outcome = { bytes: this.#encodedResult, isReturned: false };
      if (!trace) return outcome;
      const decoded = this.#parametersWatch?.spans ?? [];
      this.#parametersWatch = null;
      const packed = packSpans([...decoded, ...watch.spans, ...spans]);
      return { ...outcome, spans: { type: 'spans', task, block, leasedMs, spans: packed } };
    } catch (error) {
      if (!(error instanceof ComputeCancelled)) throw error;
      return { bytes: encode({ type: 'lease-returned', ...common }), isReturned: true };
    }
  }

  /** Sends the job's outcome if it is known and somebody is there to take it. A returned lease needs no answer. */
  #deliver(): void {
    const outcome = this.#job?.outcome ?? null;
    if (outcome === null || !this.#conversation?.ready) return;
    const { connection } = this.#conversation;
    if (outcome.spans !== undefined) connection.send({ ...outcome.spans, sentMs: workerClockMs() });
    connection.sendEncoded(outcome.bytes);
    if (outcome.isReturned) this.#finishJob();
  }

  #finishJob(): void {
    this.#job = null;
    const conversation = this.#conversation;
    if (conversation !== null && this.drainReason !== null) this.#leave(conversation, this.drainReason);
  }

  // ── Coming and going ───────────────────────────────────────────────────────────────────────────────────────────────

  async #prepare(conversation: Conversation, welcome: Welcome): Promise<void> {
    const { compute, drain, log } = this.#options;
    const { config, run, incarnation } = welcome;
    const { connection } = conversation;
    let facts: Prepared;
    try {
      // What another server process leased is nobody's business any more.
      if (this.#job !== null && this.#job.lease.incarnation !== incarnation) {
        if (this.#isComputing) compute.cancel();
        await this.#job.computed;
        this.#job = null;
      }
      const prepared = this.#preparing.then(() => this.#prepareFor(run, config));
      this.#preparing = prepared.catch(() => {});
      facts = await prepared;
    } catch (error) {
      connection.send({ type: 'error', message: asText((error as Error).message, ERROR_LENGTH) });
      return this.#fail(error as Error);
    }
    if (this.#conversation !== conversation || drain.aborted) return;
    const { modelHash, dataFingerprint, numericsFingerprint } = facts;
    const holding = this.#job === null ? null : { task: this.#job.lease.task, block: this.#job.lease.block };
    connection.send({
      type: 'ready',
      run,
      incarnation,
      modelHash,
      dataFingerprint,
      numericsFingerprint,
      samplingVersion: SAMPLING_VERSION,
      holding,
    });
    conversation.ready = true;
    log(`ready: rank ${welcome.rank} of run ${run}`, 'routine');
    this.#deliver();
  }

  /** Not while another preparation is under way. */
  async #prepareFor(run: string, config: Welcome['config']): Promise<Prepared> {
    const provision = this.#options.provision();
    const key = JSON.stringify([run, config, provision]);
    if (this.#prepared?.key !== key) {
      this.#prepared = null;
      this.#prepared = { key, facts: await this.#options.compute.prepare(config, provision) };
      const { note } = this.#prepared.facts;
      if (note !== null) this.#options.log(note, 'note');
    }
    return this.#prepared.facts;
  }

  #drain(conversation: Conversation): void {
    // A worker that holds a lease delivers it first, and says bye when it is answered.
    if (this.#job !== null && conversation.ready) conversation.connection.send({ type: 'draining' });
    else this.#leave(conversation, this.drainReason ?? ASKED_TO_LEAVE);
  }

  #leave(conversation: Conversation, reason: string): void {
    conversation.end ??= { completed: false, dismissed: this.isDismissed, reason };
    conversation.connection.send({ type: 'bye', reason });
    conversation.connection.close(closeCodes.normal, 'goodbye');
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#conversation?.connection.close(closeCodes.goingAway, 'the worker failed');
  }

  /** Says every second that this process lives, and gives the connection up when the server has long been silent. */
  #startHeartbeat(conversation: Conversation, { heartbeatIntervalMs, silentAfterMs }: Welcome): NodeJS.Timeout {
    const { connection } = conversation;
    let beatAtMs = performance.now();
    let heardAtMs = beatAtMs;
    let bytesHeard = connection.bytesHeard;
    return setInterval(() => {
      const nowMs = performance.now();
      // The silence of a time in which this process stood still was its own.
      if (nowMs - beatAtMs > STANDSTILL_MS || connection.bytesHeard > bytesHeard || connection.isLocal) {
        heardAtMs = nowMs;
      }
      beatAtMs = nowMs;
      bytesHeard = connection.bytesHeard;
      if (nowMs - heardAtMs > silentAfterMs) {
        connection.close(closeCodes.silent, `nothing heard for ${silentAfterMs / 1000} s`);
        return;
      }
      const { tensors } = this.#options.compute;
      const { asked } = conversation;
      conversation.asked = null;
      const clock = asked === null ? {} : { clock: { ...asked, sentMs: workerClockMs() } };
      connection.send({ type: 'heartbeat', rssBytes: residentBytes(), tensors, ...clock });
    }, heartbeatIntervalMs);
  }
}
