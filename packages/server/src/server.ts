import { countOf } from '@convoy/protocol/event-words';
import { asText, REASON_LENGTH, type EvaluationResult, type Result } from '@convoy/protocol/messages';
import type { RunFact, RunOutcome } from '@convoy/protocol/run-events';
import type { TaskProgress, WorkerStatus } from '@convoy/protocol/run-status';
import { gradientArithmetic } from '@convoy/numerics/gradient-arithmetic';
import type { SaveCause } from '@convoy/run-store/checkpoint-store';
import { Coordinator } from '@convoy/training/coordinator/coordinator';
import type { CoordinatorEffect, Position, Task, WorkerId } from '@convoy/training/coordinator/events';
import { DEFAULT_COORDINATOR_OPTIONS, type CoordinatorOptions } from '@convoy/training/coordinator/options';
import { FROM_THE_START, TaskSequence, type StartingPoint } from '@convoy/training/coordinator/task-sequence';
import {
  commitStep,
  skipStep,
  takeEvaluation,
  type Conclusion,
  type StepAccount,
  type StepCost,
} from './commit-step.ts';
import { CoordinatorLoop } from './coordinator-loop.ts';
import { evaluationFact, factOf, startFact, type ToldEffect } from './effect-facts.ts';
import type { Ending } from './endings.ts';
import type { Reaction } from './health-watch.ts';
import { Publication } from './publication.ts';
import { ResultJudge, type Delivery } from './result-judge.ts';
import { concludeRun, type RunDisk, type RunEnd } from './run-end.ts';
import type { SessionEvent, WorkerConnection } from './session.ts';
import { ROLLING_BACK, Sessions } from './sessions.ts';
import { StepTimes } from './step-times.ts';
import type { StepTracer } from './trace/step-tracer.ts';
import { SumBuffers, TaskSums, type ResultKey } from './task-sums.ts';
import { startTraining, trainingStateAt, type ServedTraining, type TrainingOptions } from './training.ts';

export interface ServerOptions extends RunDisk, TrainingOptions {
  readonly start?: StartingPoint | undefined;
  /** The arithmetic that a resumed deterministic run began with. */
  readonly numericsFingerprint?: string | null;
  /** Workers of the run's last server, which was gone without a word: they look for this one. */
  readonly leftBehind?: Iterable<WorkerId>;
  readonly coordinator: Partial<CoordinatorOptions>;
  /** Workers that may take part from one address. */
  readonly maxWorkersPerAddress?: number;
  /** Records steps, if any were chosen. */
  readonly tracer?: StepTracer | null;
  /** Writes down what was recorded. */
  readonly saveTrace?: (tracer: StepTracer) => void;
  /** Aborted, with the error, when something is lost that the server can't go on without. */
  readonly fault?: AbortSignal;
}

/**
 * The parameter server: carries out the coordinator's effects. It owns the parameters and the sums; who takes part is the
 * sessions', and what happens when is the coordinator's decision.
 */
export class ParameterServer {
  /** Resolves when the run is over and its folder is complete; rejects on a fault of our own. */
  readonly ended: Promise<RunEnd>;
  readonly #options: ServerOptions;
  readonly #training: ServedTraining;
  readonly #sums: TaskSums<Delivery>;
  readonly #judge: ResultJudge;
  readonly #publication: Publication;
  readonly #sessions: Sessions;
  readonly #coordinator: Coordinator;
  readonly #loop: CoordinatorLoop;
  /** What workers say the present task's collected blocks took them. */
  #computeMs = 0;
  /** Where the present task's time goes. */
  readonly #times = new StepTimes();
  readonly #account: StepAccount = {
    lap: (part) => this.#lap(part),
    cost: () => this.#stepCost(),
  };
  /** What everybody is told who comes while nobody is given work; null while work is given. */
  #pauseReason: string | null = null;
  #end: Ending | null = null;
  /** What is being done about a collapse. */
  #reaction: Reaction | null = null;
  #resolveEnded!: (end: RunEnd) => void;
  #rejectEnded!: (error: unknown) => void;

  constructor(options: ServerOptions) {
    const { context, start = FROM_THE_START, numericsFingerprint = null, maxWorkersPerAddress, fault } = options;
    const { config, layout, clock } = context;
    const { model, plan } = layout;
    this.#options = options;
    this.ended = new Promise((resolve, reject) => {
      this.#resolveEnded = resolve;
      this.#rejectEnded = reject;
    });

    this.#training = startTraining(options);
    const buffers = new SumBuffers(model.parameterCount);
    const gradients = gradientArithmetic(config.gradientFormat, model);
    this.#sums = new TaskSums({ recycle: buffers.give, add: gradients.add });
    this.#judge = new ResultJudge({ training: this.#training, gradients, buffers });
    this.#publication = new Publication(context.identity);

    const limits = { ...DEFAULT_COORDINATOR_OPTIONS, ...options.coordinator };
    const onEvent = (event: SessionEvent) => this.#hear(event);
    const { messageBytes: gradientBytes } = gradients;
    const expected = { numericsFingerprint, gradientBytes, maxWorkersPerAddress, liveness: limits };
    const { leftBehind, tracer } = options;
    this.#sessions = new Sessions({ context, ...expected, leftBehind, tracer, onEvent });

    this.#coordinator = new Coordinator(new TaskSequence(config, plan), start, limits);
    const perform = (effect: CoordinatorEffect) => this.#perform(effect);
    const onTick = () => this.#sessions.tick();
    this.#loop = new CoordinatorLoop({ coordinator: this.#coordinator, clock, perform, onTick });

    this.#report(startFact(start, context));
    fault?.addEventListener('abort', () => this.#fail(fault.reason), { once: true });
    if (fault?.aborted) this.#fail(fault.reason);
    else this.#loop.tick();
  }

  /** Takes over a connection: greets, serves and forgets the worker at its other end. */
  accept(connection: WorkerConnection): void {
    this.#sessions.accept(connection);
  }

  /** Ends the run where it stands; the parameters so far are saved. */
  stop(reason: string): void {
    this.#loop.tell({ type: 'stop-requested', reason });
  }

  /** Ends the run as failed: nothing can go on. */
  halt(reason: string): void {
    this.#loop.tell({ type: 'halt-requested', reason });
  }

  /**
   * Asks the worker of that rank to finish what it holds and leave: it gets no more leases, and its process exits 0.
   * @returns false when no such worker is connected.
   */
  drain(rank: number): boolean {
    const worker = this.#sessions.joined.ofRank(rank);
    return worker !== undefined && this.#sessions.drain(worker.workerId);
  }

  /** Has a checkpoint written of the state after the next step. */
  checkpoint(): void {
    this.#loop.tell({ type: 'checkpoint-requested' });
  }

  /** Has the run stand still when the step that is being computed is done, with a checkpoint, or go on. */
  pause(isWanted: boolean): void {
    this.#loop.tell({ type: isWanted ? 'pause-requested' : 'unpause-requested' });
  }

  /** Writes to the run's log what an operator asked for. */
  noteRequest(fact: Extract<RunFact, { type: 'operator-request' }>): void {
    if (this.#end === null) this.#report(fact);
  }

  /** The workers that take part, as an operator wants to see them. */
  workers(): readonly WorkerStatus[] {
    return this.#sessions.joined.statuses(this.#now);
  }

  /** How far the present step or evaluation is; null before the first. */
  progress(): TaskProgress | null {
    const { task, collected: done } = this.#sums;
    if (task === null) return null;
    const work = task.kind === 'gradient' ? 'gradient' : task.purpose;
    return { work, step: task.step, done, leaves: task.leaves };
  }

  /** Notes that somebody was refused before there was a connection. */
  refused(remote: string, reason: string): void {
    this.#sessions.refused(remote, reason);
  }

  /** Why no worker is let in at the moment; null while they are. */
  notReady(): string | null {
    return this.#end === null
      ? null
      : this.#end.outcome === 'rolled-back'
        ? ROLLING_BACK
        : `the run has ended: ${this.#end.reason}`;
  }

  /** Steps applied so far. */
  get stepsDone(): number {
    return this.#training.parameters.state.updates;
  }

  /** Workers that lost their connection within the last `ms` before the end, and have not been told of it. */
  untold(ms: number): number {
    return this.#sessions.untold(ms);
  }

  /** Resolves when those have come back and been told, or after `ms`: until then the listener should stay. */
  farewell(ms: number): Promise<void> {
    return this.#sessions.farewell(ms);
  }

  // ── What workers do ────────────────────────────────────────────────────────────────────────────────────────────────

  #hear(event: SessionEvent): void {
    switch (event.type) {
      case 'result-arrived': {
        const fault = this.#takeResult(event.workerId, event.result);
        if (fault !== null) this.#sessions.refuseResult(event.workerId, fault);
        return;
      }
      case 'numerics-changed':
        return this.#loop.tell({ type: 'restart-requested' });
      case 'reported':
        return this.#report(event.fact);
      case 'failed':
        return this.#fail(event.error);
      case 'worker-joined':
        this.#training.figures.workerJoined(this.#now, this.#sessions.joined.size);
        this.#times.workerJoined(this.#exactNow);
        this.#loop.tell(event);
        if (this.#pauseReason === null) return;
        return this.#sessions.joined.connectionOf(event.workerId)?.send({ type: 'pause', reason: this.#pauseReason });
      default:
        return this.#loop.tell(event);
    }
  }

  /** @returns what is wrong with a result that no honest worker can have sent, or null. */
  #takeResult(workerId: WorkerId, result: Result | EvaluationResult): string | null {
    const { identity } = this.#options.context;
    const { task, block } = result;
    const key = { workerId, task, block };
    if (result.run !== identity.run || result.incarnation !== identity.incarnation) {
      this.#answer(key, result.step, 'stale');
      return null;
    }
    const current = this.#sums.task;
    if (current?.id !== task) {
      this.#loop.tell({ type: 'result-received', ...key, suspicion: null });
      return null;
    }
    const atMs = this.#exactNow;
    this.#tracer?.arrived(workerId, task, block, atMs);
    const verdict = this.#judge.judge(result, current, { rank: this.#sessions.joined.nameOf(workerId).rank, atMs });
    if (verdict.fault !== null) return verdict.fault;
    this.#spent('sumMs', 'read result', atMs);
    this.#sums.keep(key, verdict.delivery);
    this.#loop.tell({ type: 'result-received', ...key, suspicion: verdict.suspicion });
    return null;
  }

  #answer({ workerId, task, block }: ResultKey, step: number, reason: 'stale' | 'duplicate' | 'bad'): void {
    if (this.#end === null) {
      this.#sessions.reportOfWorker({ type: 'result-discarded', step, block, workerId, reason });
    }
    this.#sessions.joined.connectionOf(workerId)?.send({ type: reason, task, block });
  }

  // ── The coordinator's events and effects ───────────────────────────────────────────────────────────────────────────

  #perform(effect: CoordinatorEffect): void {
    const { joined } = this.#sessions;
    switch (effect.type) {
      case 'open':
        this.#sums.open(effect.task);
        if (effect.task.kind === 'evaluation') this.#training.predictions?.open(effect.task);
        this.#computeMs = 0;
        this.#times.opened(this.#exactNow);
        this.#tracer?.opened(effect.task.kind === 'gradient' ? effect.task.step : null, this.#exactNow);
        this.#training.figures.taskOpened(this.#now);
        if (effect.task.kind === 'evaluation') this.#report(evaluationFact(effect.task, this.#training.plan));
        return;
      case 'send-parameters': {
        const connection = joined.connectionOf(effect.workerId);
        if (connection === undefined) return;
        let fromMs = this.#exactNow;
        this.#publication.send(connection, effect.step, this.#training.parameters.values, () => {
          fromMs = this.#spent('sendMs', 'encode', fromMs);
          this.#tracer?.sending(effect.workerId, fromMs);
        });
        return void this.#spent('sendMs', 'send', fromMs);
      }
      case 'lease':
        return this.#lease(effect);
      case 'cancel': {
        const { workerId, task, block } = effect;
        return joined.connectionOf(workerId)?.send({ type: 'cancel', task, block });
      }
      case 'collect':
        return this.#collect(effect);
      case 'discard':
        this.#sums.discard(effect);
        return this.#answer(effect, this.#sums.task?.step ?? 0, effect.reason);
      case 'commit':
        this.#times.committing(this.#exactNow);
        return this.#conclude(commitStep(effect.task, this.#sums.total, this.#training, this.#now, this.#account));
      case 'skip':
        return this.#conclude(skipStep(effect.task, effect.reason, this.#training, this.#now));
      case 'evaluate':
        return this.#conclude(takeEvaluation(effect.task, this.#sums.total, this.#training, this.#now));
      case 'checkpoint':
        return this.#saveCheckpoint(effect.position, effect.cause);
      case 'expel':
        return this.#sessions.expel(effect.workerId, effect.cause, effect.reason);
      case 'wait': {
        const { ready, minWorkers } = effect;
        this.#endPause();
        this.#report({ type: 'waiting', workers: ready, minWorkers });
        return this.#standStill(
          `the run waits until ${countOf(minWorkers, 'worker')} ${minWorkers === 1 ? 'is' : 'are'} ready`,
        );
      }
      case 'pause':
        this.#training.figures.paused(this.#now);
        this.#report({ type: 'paused', step: effect.step });
        return this.#standStill('an operator wants the run to pause');
      case 'resume':
        this.#endPause();
        this.#report({ type: 'resumed', workers: effect.ready });
        this.#pauseReason = null;
        return joined.broadcast({ type: 'resume' });
      case 'quarantine': {
        const { workerId, forMs, reason } = effect;
        const connection = joined.connectionOf(workerId);
        connection?.send({ type: 'quarantined', forMs, reason: asText(reason, REASON_LENGTH) });
        return this.#reportEffect(effect);
      }
      case 'finish':
        return this.#finish(effect.outcome, effect.reason);
      default:
        return this.#reportEffect(effect);
    }
  }

  /** What was concluded comes before all that waits: the coordinator must know what it has caused. */
  #conclude({ facts, events, reaction }: Conclusion): void {
    for (const { type } of events) {
      if (type === 'committed') this.#sessions.reception.bindNumerics();
      if (type === 'committed' && this.#tracer?.committed(this.#exactNow)) this.#saveTrace();
      if (type === 'parameters-replaced') this.#publication.forget();
    }
    for (const fact of facts) this.#report(fact);
    this.#reaction ??= reaction;
    this.#loop.tellFirst(events);
  }

  #stepCost(): StepCost {
    const timing = this.#times.timing(this.#exactNow);
    return { workers: this.#sessions.joined.size, computeMs: this.#computeMs, ...this.#sessions.newBytes(), timing };
  }

  #collect({ workerId, task, block }: Extract<CoordinatorEffect, { type: 'collect' }>): void {
    const { joined, reception } = this.#sessions;
    const fromMs = this.#exactNow;
    const delivery = this.#sums.collect({ workerId, task: task.id, block });
    this.#spent('sumMs', 'sum', fromMs);
    this.#computeMs += delivery.computeMs;
    this.#times.taken(delivery);
    if (delivery.details !== undefined) this.#training.predictions?.collect(delivery.details);
    reception.resultCollected();
    joined.connectionOf(workerId)?.send({ type: 'accepted', task: task.id, block });
  }

  #lease({ workerId, task, block, instead }: Extract<CoordinatorEffect, { type: 'lease' }>): void {
    const { joined } = this.#sessions;
    const { id, step, kind } = task;
    if (instead !== null) {
      const { rank } = joined.nameOf(workerId);
      this.#report({ type: 'leased-again', step, work: kind, block, rank, insteadOf: joined.nameOf(instead) });
    }
    this.#sessions.lease(workerId, {
      ...this.#kindOfLease(task),
      ...this.#traced({ workerId, task: id, block }),
      ...this.#options.context.identity,
      task: id,
      step,
      block,
    });
  }

  /** Whether a lease's time is recorded, as it says. */
  #traced({ workerId, task, block }: ResultKey): { readonly trace?: true } {
    if (!this.#tracer?.isTracing) return {};
    this.#tracer.leased({ workerId, task, block, ...this.#sessions.joined.nameOf(workerId) }, this.#exactNow);
    return { trace: true };
  }

  #kindOfLease(task: Task) {
    if (task.kind === 'gradient') return { type: 'lease' } as const;
    const { purpose } = task;
    const details = this.#training.predictions?.isAsked(purpose) ?? false;
    return { type: 'evaluation-lease', purpose, details } as const;
  }

  /** The step begins when the pause is over; nothing, if there was none. */
  #endPause(): void {
    if (this.#training.figures.unpaused(this.#now)) this.#times.opened(this.#exactNow);
  }

  /** Tells everybody why there is nothing to do. */
  #standStill(reason: string): void {
    this.#pauseReason = asText(reason, REASON_LENGTH);
    this.#sessions.joined.broadcast({ type: 'pause', reason: this.#pauseReason });
  }

  #saveCheckpoint(position: Position, cause: SaveCause): void {
    // It would be set aside at once.
    if (this.#reaction?.action === 'rollback') return;
    const { checkpoints } = this.#options;
    const state = {
      ...trainingStateAt(position, this.#training, this.#now),
      // Between two steps, which is where checkpoints are ordered, it is what the copy has to start with.
      consecutiveSkips: this.#coordinator.standing.consecutiveSkips,
      numericsFingerprint: this.#sessions.reception.numericsFingerprint,
    };
    checkpoints?.save(state, cause);
  }

  // ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #finish(outcome: RunOutcome, reason: string): void {
    const { context } = this.#options;
    const { figures, parameters, health } = this.#training;
    const reaction = this.#reaction;
    this.#end = { outcome: reaction?.action === 'rollback' ? 'rolled-back' : outcome, reason };
    this.#loop.stop();
    this.#sessions.end(this.#end);
    if (this.#tracer?.isUnsaved) this.#saveTrace();
    const summary = {
      ...figures.summary(outcome, parameters.sha256(), this.#now),
      health: health?.found ?? [],
      rollbacks: health?.rollbacks ?? [],
    };
    const { model } = context.layout;
    const last = { outcome, reason, summary, parameters: parameters.values, model, reaction };
    concludeRun(last, this.#options, context).then(this.#resolveEnded, (error: unknown) => this.#fail(error));
  }

  /** A fault of our own: everybody is let go, and whoever waits for the end is told. */
  #fail(error: unknown): void {
    const reason = 'the server failed';
    this.#end ??= { outcome: 'halted', reason };
    this.#loop.stop();
    this.#sessions.abort(reason);
    this.#rejectEnded(error);
  }

  // ── Small things ───────────────────────────────────────────────────────────────────────────────────────────────────

  get #now(): number {
    return this.#options.context.clock.now();
  }

  get #exactNow(): number {
    return this.#options.context.clock.exact();
  }

  /** @returns the time now. */
  #spent(on: 'sendMs' | 'sumMs', work: 'encode' | 'send' | 'read result' | 'sum', fromMs: number): number {
    const nowMs = this.#exactNow;
    this.#times.spent(on, fromMs, nowMs);
    this.#tracer?.spent(work, fromMs, nowMs);
    return nowMs;
  }

  #lap(part: 'normMs' | 'updateMs'): void {
    const { lapMs } = this.#times;
    const nowMs = this.#exactNow;
    this.#times.lap(part, nowMs);
    this.#tracer?.spent(part === 'normMs' ? 'norm' : 'update', lapMs, nowMs);
  }

  #saveTrace(): void {
    this.#tracer!.isUnsaved = false;
    this.#options.saveTrace?.(this.#tracer!);
  }

  get #tracer(): StepTracer | null {
    return this.#options.tracer ?? null;
  }

  #report(fact: RunFact): void {
    this.#options.context.report(fact);
  }

  #reportEffect(effect: ToldEffect): void {
    const fact = factOf(effect, this.#sessions.joined);
    if (fact !== null) this.#sessions.reportOfWorker(fact);
  }
}
