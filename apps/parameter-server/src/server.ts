import { randomBytes } from 'node:crypto';
import { encode } from '@convoy/protocol/codec';
import {
  PROTOCOL_VERSION,
  type Block,
  type EvaluationResult,
  type Heartbeat,
  type Hello,
  type Ready,
  type Reject,
  type Result,
  type WorkerMessage,
} from '@convoy/protocol/messages';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunEvent, RunFact, RunOutcome, RunSummary } from '@convoy/protocol/run-events';
import { copyFloat32, float32Bytes, type TensorTable } from '@convoy/protocol/tensor';
import { normOf } from '@convoy/training/adam';
import { Course } from '@convoy/training/coordinator/course';
import type { CoordinatorEffect, CoordinatorEvent, GradientTask, Task } from '@convoy/training/coordinator/events';
import { DEFAULT_COORDINATOR_OPTIONS, SynchronousCoordinator } from '@convoy/training/coordinator/synchronous';
import { TreeReduction, type Sums } from '@convoy/training/reduction';
import type { Extent } from '@convoy/training/sampling';
import { closeCodes } from '@convoy/transport/connection';
import { Parameters } from './parameters.ts';
import { RunFigures } from './run-figures.ts';
import type { RunFolder } from './run-folder.ts';
import type { Session, WorkerConnection } from './session.ts';
import { SumBuffers } from './sum-buffers.ts';
import { samplesIn } from './tasks.ts';

export interface ServerOptions {
  readonly run: string;
  readonly config: RunConfig;
  readonly extent: Extent;
  readonly model: { readonly hash: string; readonly parameterCount: number; readonly tensors: TensorTable };
  readonly dataFingerprint: string;
  readonly initialParameters: Float32Array;
  readonly folder: RunFolder;
  readonly minWorkers: number;
  readonly onEvent: (event: RunEvent) => void;
  readonly clock: Clock;
}

/** The time, and a way to be called again: a test brings its own. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls back every `intervalMs` until the returned function is called. */
  every(intervalMs: number, callback: () => void): () => void;
}

export interface RunEnd {
  readonly outcome: RunOutcome;
  readonly reason: string;
  readonly summary: RunSummary;
}

export const HEARTBEAT_INTERVAL_MS = 1_000;
/** Nothing heard for this long: the connection is lost, whatever TCP believes. */
const SILENT_AFTER_MS = 10_000;
const REPORT_MEMORY_EVERY_MS = 10_000;
const HELLO_WITHIN_MS = 10_000;
/** Time to open or download the data and load the engine. */
const READY_WITHIN_MS = 15 * 60_000;

/**
 * The parameter server: carries out the coordinator's effects. It owns the parameters, the sums and the connections; what
 * happens when is the coordinator's decision.
 */
export class ParameterServer {
  readonly incarnation = randomBytes(6).toString('hex');
  /** Resolves when the run is over and its folder is complete; rejects on a fault of our own. */
  readonly ended: Promise<RunEnd>;
  readonly #options: ServerOptions;
  readonly #coordinator: SynchronousCoordinator;
  readonly #parameters: Parameters;
  readonly #figures: RunFigures;
  readonly #buffers: SumBuffers;
  readonly #sessions = new Set<Session>();
  readonly #workers = new Map<string, Session>();
  readonly #inbox: { readonly event: CoordinatorEvent; readonly sums: Sums | null }[] = [];
  #handling = false;
  #reduction: { readonly task: Task; readonly tree: TreeReduction } | null = null;
  /** The current parameters as a message, encoded once for all who need it. */
  #encodedParameters: { readonly step: number; readonly bytes: Uint8Array } | null = null;
  /** Bytes of connections that have ended, and all that the last step event accounted for. */
  readonly #endedBytes = { received: 0, sent: 0 };
  #accountedBytes = { received: 0, sent: 0 };
  #numericsFingerprint: string | null = null;
  #nextRank = 0;
  #stopWatching: () => void;
  #resolveEnded!: (end: RunEnd) => void;
  #rejectEnded!: (error: unknown) => void;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.ended = new Promise((resolve, reject) => {
      this.#resolveEnded = resolve;
      this.#rejectEnded = reject;
    });
    const { config, extent, minWorkers, model, run, clock } = options;
    this.#parameters = new Parameters(options.initialParameters);
    this.#buffers = new SumBuffers(model.parameterCount);
    this.#figures = new RunFigures(run, extent);
    this.#coordinator = new SynchronousCoordinator(new Course(config, extent), undefined, {
      ...DEFAULT_COORDINATOR_OPTIONS,
      minWorkers,
    });
    this.#report({
      type: 'run-started',
      run,
      incarnation: this.incarnation,
      totalSteps: extent.totalSteps,
      stepsPerEpoch: extent.stepsPerEpoch,
      trainSamples: extent.trainSamples,
      validationSamples: extent.validationSamples,
      testSamples: extent.testSamples,
      parameterCount: model.parameterCount,
    });
    this.#stopWatching = clock.every(HEARTBEAT_INTERVAL_MS, () => this.#closeSilentSessions());
  }

  /** Takes over a connection: greets, serves and forgets the worker at its other end. */
  accept(connection: WorkerConnection): void {
    const now = this.#options.clock.now();
    const session: Session = {
      connection,
      state: { name: 'greeting' },
      heardAtMs: now,
      deadlineMs: now + HELLO_WITHIN_MS,
      memoryReportedAtMs: -Infinity,
      farewell: null,
    };
    this.#sessions.add(session);
    this.#converse(session).catch((error: unknown) => this.#fail(error));
  }

  /** Ends the run where it stands; the parameters so far are saved. */
  stop(reason: string): void {
    this.#tell({ type: 'stop-requested', reason });
  }

  /** Ends the run as failed: nothing can go on. */
  halt(reason: string): void {
    this.#tell({ type: 'halt-requested', reason });
  }

  async #converse(session: Session): Promise<void> {
    for await (const message of session.connection) {
      session.heardAtMs = this.#options.clock.now();
      this.#receive(session, message);
    }
    const { code, reason } = await session.connection.closed;
    this.#sessions.delete(session);
    this.#endedBytes.received += session.connection.bytesReceived;
    this.#endedBytes.sent += session.connection.bytesSent;
    // The run is over and its log closed: everybody leaves, and nobody needs to know.
    if (this.#coordinator.finished) return;
    const why = session.farewell ?? `connection closed (${code}${reason ? `: ${reason}` : ''})`;
    if (session.state.name === 'ready') this.#leave(session, why);
    else if (code !== closeCodes.rejected) {
      this.#report({ type: 'connection-closed', remote: session.connection.remote, reason: why });
    }
  }

  #receive(session: Session, message: WorkerMessage): void {
    const { state } = session;
    // The log is closed and the figures are final: only a newcomer is still told that the run is over.
    if (this.#coordinator.finished && message.type !== 'hello') return;
    switch (message.type) {
      case 'hello':
        return state.name === 'greeting' ? this.#greet(session, message) : this.#unexpected(session, message);
      case 'ready':
        return state.name === 'preparing' ? this.#admit(session, message) : this.#unexpected(session, message);
      case 'result':
      case 'evaluation-result':
        return state.name === 'ready'
          ? this.#takeResult(session, state.hello, message)
          : this.#unexpected(session, message);
      case 'heartbeat':
        return this.#noteMemory(session, message);
      case 'bye':
        session.farewell = message.reason;
        if (state.name === 'ready') this.#tell({ type: 'worker-draining', workerId: state.hello.workerId });
        return session.connection.close(closeCodes.normal, 'goodbye');
      case 'error':
        session.farewell = message.message;
        return session.connection.close(closeCodes.normal, 'the worker gave up');
      default:
        message satisfies never;
    }
  }

  #noteMemory(session: Session, { rssBytes, tensors }: Heartbeat): void {
    const { state, heardAtMs, memoryReportedAtMs } = session;
    if (state.name !== 'ready' || heardAtMs - memoryReportedAtMs < REPORT_MEMORY_EVERY_MS) return;
    session.memoryReportedAtMs = heardAtMs;
    this.#report({ type: 'memory', rank: state.rank, rssBytes, tensors, serverRssBytes: process.memoryUsage.rss() });
  }

  #greet(session: Session, hello: Hello): void {
    const { config, model, run, clock } = this.#options;
    if (hello.protocolVersion !== PROTOCOL_VERSION) {
      return this.#reject(
        session,
        hello.name,
        'protocol',
        `the server speaks protocol ${PROTOCOL_VERSION}, this worker ${hello.protocolVersion}: install the same version of Convoy on both`,
      );
    }
    if (this.#coordinator.finished) {
      session.connection.send({ type: 'shutdown', completed: true, reason: 'the run is over' });
      return session.connection.close(closeCodes.normal, 'the run is over');
    }
    if (config.deterministic && hello.engine.threads !== 1) {
      return this.#reject(
        session,
        hello.name,
        'engine',
        `a deterministic run needs one thread per worker, this one has ${hello.engine.threads}: start it with --threads 1`,
      );
    }
    const rank = this.#nextRank++;
    session.state = { name: 'preparing', hello, rank };
    session.deadlineMs = clock.now() + READY_WITHIN_MS;
    session.connection.send({
      type: 'welcome',
      protocolVersion: PROTOCOL_VERSION,
      run,
      incarnation: this.incarnation,
      rank,
      config,
      parameterCount: model.parameterCount,
      heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
    });
  }

  #admit(session: Session, ready: Ready): void {
    const { config, model, dataFingerprint } = this.#options;
    if (session.state.name !== 'preparing') return;
    const { hello, rank } = session.state;
    const refuse = (reason: Reject['reason'], text: string) => this.#reject(session, hello.name, reason, text);
    if (ready.run !== this.#options.run || ready.incarnation !== this.incarnation)
      return this.#unexpected(session, ready);
    if (this.#workers.has(hello.workerId)) return this.#unexpected(session, ready);
    if (ready.modelHash !== model.hash) {
      return refuse(
        'model',
        `the worker's model (${short(ready.modelHash)}) is not the run's (${short(model.hash)}): install the same version of Convoy on both`,
      );
    }
    if (ready.dataFingerprint !== dataFingerprint) {
      return refuse(
        'data',
        `the worker's data (${short(ready.dataFingerprint)}) is not the run's (${short(dataFingerprint)}): give it the same files with --data-dir`,
      );
    }
    this.#numericsFingerprint ??= ready.numericsFingerprint;
    if (config.deterministic && ready.numericsFingerprint !== this.#numericsFingerprint) {
      return refuse(
        'numerics',
        `the worker's arithmetic (${short(ready.numericsFingerprint)}) differs from the first worker's (${short(this.#numericsFingerprint)}): use one kind of processor and engine, or leave --deterministic out`,
      );
    }
    session.state = { name: 'ready', hello, rank, ready };
    session.deadlineMs = Infinity;
    this.#workers.set(hello.workerId, session);
    this.#figures.workerJoined(this.#options.clock.now(), this.#workers.size);
    const engine = `${hello.engine.name} ${hello.engine.version}, ${hello.engine.threads} ${hello.engine.threads === 1 ? 'thread' : 'threads'}`;
    this.#report({
      type: 'worker-joined',
      workerId: hello.workerId,
      rank,
      name: hello.name,
      engine,
      workers: this.#workers.size,
    });
    this.#tell({ type: 'worker-joined', workerId: hello.workerId });
  }

  #reject(session: Session, name: string, reason: Reject['reason'], message: string): void {
    this.#report({ type: 'worker-rejected', name, reason: message });
    session.connection.send({ type: 'reject', reason, message });
    session.connection.close(closeCodes.rejected, message);
  }

  #unexpected(session: Session, message: WorkerMessage): void {
    session.connection.close(
      closeCodes.unexpected,
      `${message.type} means nothing here: the session is ${session.state.name}`,
    );
  }

  #leave(session: Session, reason: string): void {
    if (session.state.name !== 'ready') return;
    const { hello, rank } = session.state;
    this.#workers.delete(hello.workerId);
    this.#report({ type: 'worker-left', workerId: hello.workerId, rank, reason, workers: this.#workers.size });
    this.#tell({ type: 'worker-left', workerId: hello.workerId, reason });
  }

  #takeResult(session: Session, { workerId }: Hello, result: Result | EvaluationResult): void {
    const { task, block } = result;
    if (result.run !== this.#options.run || result.incarnation !== this.incarnation) {
      return this.#answer(workerId, result.step, task, block, 'stale');
    }
    const { task: current } = this.#reduction ?? {};
    if (current?.id !== task) return this.#tell({ type: 'result-received', workerId, task, block });
    const fault = this.#faultOf(result, current);
    if (fault !== null) return session.connection.close(closeCodes.malformed, fault);
    const { samples, lossSum, correct } = result;
    const vector = result.type === 'result' ? this.#buffers.take() : null;
    if (result.type === 'result' && vector !== null) copyFloat32(result.gradient, vector);
    this.#tell({ type: 'result-received', workerId, task, block }, { samples, lossSum, correct, vector });
  }

  /** What no honest worker would send for this task; null when there is nothing. */
  #faultOf(result: Result | EvaluationResult, task: Task): string | null {
    const { config, extent, model } = this.#options;
    const { block, samples, correct } = result;
    if ((result.type === 'result') !== (task.kind === 'gradient')) return `${result.type} for a lease of another kind`;
    if (result.type === 'result' && result.gradient.byteLength !== model.parameterCount * 4) {
      return `a gradient has ${model.parameterCount * 4} bytes, not ${result.gradient.byteLength}`;
    }
    if (block.start >= task.leaves) return `block ${block.start} of a task of ${task.leaves}`;
    const expected = samplesIn(task, block, config, extent);
    if (samples !== expected) return `a result over ${samples} samples for a block of ${expected}`;
    return correct <= samples ? null : `${correct} correct of ${samples} samples`;
  }

  /** Hands an event to the coordinator and carries out what it orders; events that arise meanwhile wait their turn. */
  #tell(event: CoordinatorEvent, sums: Sums | null = null): void {
    this.#inbox.push({ event, sums });
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        for (const effect of this.#coordinator.handle(next.event)) this.#perform(effect, next.sums);
      }
    } finally {
      this.#handling = false;
    }
  }

  #perform(effect: CoordinatorEffect, sums: Sums | null): void {
    switch (effect.type) {
      case 'open':
        this.#reduction?.tree.clear();
        this.#reduction = {
          task: effect.task,
          tree: new TreeReduction(effect.task.leaves, undefined, this.#buffers.give),
        };
        return this.#figures.taskOpened(this.#options.clock.now());
      case 'send-parameters':
        return this.#workers.get(effect.workerId)?.connection.sendEncoded(this.#encodeParameters(effect.step));
      case 'lease':
        return this.#lease(effect.workerId, effect.task, effect.block);
      case 'collect':
        this.#reduction!.tree.add(effect.block, sums!);
        return this.#workers
          .get(effect.workerId)
          ?.connection.send({ type: 'accepted', task: effect.task.id, block: effect.block });
      case 'discard':
        if (sums?.vector) this.#buffers.give(sums.vector);
        return this.#answer(effect.workerId, this.#reduction?.task.step ?? 0, effect.task, effect.block, effect.reason);
      case 'release':
        return this.#report({
          type: 'released',
          step: effect.task.step,
          block: effect.block,
          workerId: effect.workerId,
          reason: effect.reason,
        });
      case 'commit':
        return this.#commit(effect.task);
      case 'evaluate':
        this.#report({
          type: 'evaluated',
          purpose: effect.task.purpose,
          ...this.#figures.evaluated(effect.task, this.#reduction!.tree.total!, this.#options.clock.now()),
        });
        return this.#tell({ type: 'evaluated', task: effect.task.id });
      case 'retry':
        return this.#report({ type: 'step-retried', step: effect.task.step, reason: effect.reason });
      case 'skip':
        this.#figures.stepSkipped(this.#options.clock.now());
        return this.#report({ type: 'step-skipped', step: effect.task.step, reason: effect.reason });
      case 'pause':
        return this.#report({ type: 'waiting', workers: effect.ready, minWorkers: effect.minWorkers });
      case 'resume':
        return this.#report({ type: 'resumed', workers: effect.ready });
      case 'finish':
        return this.#finish(effect.outcome, effect.reason);
      default:
        effect satisfies never;
    }
  }

  #lease(workerId: string, task: Task, block: Block): void {
    const connection = this.#workers.get(workerId)?.connection;
    const work = { run: this.#options.run, incarnation: this.incarnation, task: task.id, step: task.step, block };
    if (task.kind === 'gradient') connection?.send({ type: 'lease', ...work });
    else connection?.send({ type: 'evaluation-lease', ...work, purpose: task.purpose });
  }

  #commit(task: GradientTask): void {
    const { config, clock } = this.#options;
    const { vector, ...tally } = this.#reduction!.tree.total!;
    if (vector === null) throw new Error(`step ${task.step} was collected without a gradient`);
    const gradientNorm = normOf(vector, tally.samples);
    if (!Number.isFinite(gradientNorm)) {
      return this.#tell({ type: 'commit-refused', task: task.id, reason: 'the gradient is not finite' });
    }
    this.#parameters.update(vector, tally.samples, config.optimizer);
    const { stepMs, epochEnd } = this.#figures.committed(task, tally, clock.now());
    this.#report({
      type: 'step',
      step: task.step + 1,
      epoch: task.epoch,
      samples: tally.samples,
      loss: tally.lossSum / tally.samples,
      accuracy: tally.correct / tally.samples,
      learningRate: config.optimizer.learningRate,
      gradientNorm,
      workers: this.#workers.size,
      stepMs,
      ...this.#newBytes(),
    });
    if (epochEnd !== null) this.#report({ type: 'epoch-ended', ...epochEnd });
    this.#tell({ type: 'committed', task: task.id });
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

  #encodeParameters(step: number): Uint8Array {
    if (this.#encodedParameters?.step !== step) {
      const values = float32Bytes(this.#parameters.values);
      // A connection that has not sent the previous parameters yet still reads them.
      const isFree = [...this.#sessions].every(({ connection }) => connection.bufferedBytes === 0);
      const kept = isFree ? this.#encodedParameters?.bytes : undefined;
      const bytes = encode(
        { type: 'parameters', run: this.#options.run, incarnation: this.incarnation, step, values },
        kept,
      );
      this.#encodedParameters = { step, bytes };
    }
    return this.#encodedParameters.bytes;
  }

  #answer(workerId: string, step: number, task: number, block: Block, reason: 'stale' | 'duplicate' | 'bad'): void {
    this.#report({ type: 'result-discarded', step, block, workerId, reason });
    this.#workers.get(workerId)?.connection.send({ type: reason, task, block });
  }

  #finish(outcome: RunOutcome, reason: string): void {
    const { folder, model, clock } = this.#options;
    this.#stopWatching();
    for (const { connection } of this.#sessions) {
      connection.send({ type: 'shutdown', completed: outcome === 'completed', reason });
      connection.close(closeCodes.normal, 'the run is over');
    }
    const summary = this.#figures.summary(this.#parameters.sha256(), clock.now());
    try {
      folder.saveParameters(this.#parameters.values, summary.steps, model.tensors, model.hash);
      this.#report({ type: 'run-ended', outcome, reason, ...summary });
      folder.close();
      this.#resolveEnded({ outcome, reason, summary });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** A fault of our own: everybody is let go, and whoever waits for the end is told. */
  #fail(error: unknown): void {
    this.#stopWatching();
    for (const { connection } of this.#sessions) connection.close(closeCodes.goingAway, 'the server failed');
    this.#rejectEnded(error);
  }

  #closeSilentSessions(): void {
    const now = this.#options.clock.now();
    for (const session of this.#sessions) {
      const { connection, state } = session;
      // In one process, compute blocks the loop that would answer.
      if (connection.remote === 'memory') continue;
      if (now >= session.deadlineMs) {
        connection.close(closeCodes.handshakeTimeout, `no ${state.name === 'greeting' ? 'hello' : 'ready'} in time`);
      } else if (now - session.heardAtMs > SILENT_AFTER_MS) {
        connection.close(closeCodes.silent, `nothing heard for ${SILENT_AFTER_MS / 1000} s`);
      }
    }
  }

  #report(fact: RunFact): void {
    const event: RunEvent = { at: this.#options.clock.now(), ...fact };
    this.#options.folder.log(event);
    this.#options.onEvent(event);
  }
}

function short(digest: string): string {
  return digest.slice(0, 8);
}
