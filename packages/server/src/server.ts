import type { Block, EvaluationResult, Result } from '@convoy/protocol/messages';
import { metricFigure } from '@convoy/protocol/metric';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { HealthFinding, Rollback, RunEvent, RunFact, RunOutcome, RunSummary } from '@convoy/protocol/run-events';
import { FROM_THE_START, TaskSequence, type StartingPoint } from '@convoy/training/coordinator/task-sequence';
import type {
  CoordinatorEffect,
  CoordinatorEvent,
  GradientTask,
  Position,
  Task,
  WorkerId,
} from '@convoy/training/coordinator/events';
import { Coordinator } from '@convoy/training/coordinator/coordinator';
import { DEFAULT_COORDINATOR_OPTIONS, type CoordinatorOptions } from '@convoy/training/coordinator/options';
import { gradientArithmetic, type GradientArithmetic } from '@convoy/numerics/gradient-arithmetic';
import type { CallbacksState } from '@convoy/training/callbacks/callbacks';
import { normOf, type ParameterLayout } from '@convoy/training/optimizer/optimizer';
import { TreeReduction, type Sums } from '@convoy/numerics/reduction';
import type { RunPlan } from '@convoy/training/sampling';
import { rateAt } from '@convoy/training/learning-rate';
import { Callbacks, type EpochVerdict } from './epoch-callbacks.ts';
import type { CheckpointStore, SaveCause } from '@convoy/run-store/checkpoint-store';
import type { Clock } from './clock.ts';
import type { HealthWatch, Reaction } from './health-watch.ts';
import type { Parameters } from './parameters.ts';
import { Publication } from './publication.ts';
import { LARGEST_NORM, Plausibility, faultOf, suspicionOfSums } from './results.ts';
import type { RunFigures } from '@convoy/training/figures';
import type { RunFolder } from '@convoy/run-store/run-folder';
import { saveResult } from '@convoy/run-store/save-result';
import type { WorkerConnection } from './session.ts';
import { HEARTBEAT_INTERVAL_MS, Sessions, type Ending } from './sessions.ts';
import { SumBuffers } from './sum-buffers.ts';

export interface ServerOptions {
  readonly run: string;
  /** Names this process's turn at the run: random per start. */
  readonly incarnation: string;
  readonly config: RunConfig;
  readonly plan: RunPlan;
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
  readonly checkpoints: Pick<CheckpointStore, 'flush' | 'save' | 'settle'> | null;
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

export interface RunEnd extends Ending {
  readonly summary: RunSummary;
  /** What the run was halted or rolled back for; null when its training had not collapsed. */
  readonly collapse: HealthFinding | null;
  /** Why the result is not on the disk, in one line; null when it is. */
  readonly unsaved: string | null;
}

/** A block's sums, and how long its worker says they took. */
type Delivery = Sums & { readonly computeMs: number };

/**
 * The parameter server: carries out the coordinator's effects. It owns the parameters and the sums; who takes part is the
 * sessions', and what happens when is the coordinator's decision.
 */
export class ParameterServer {
  /** Resolves when the run is over and its folder is complete; rejects on a fault of our own. */
  readonly ended: Promise<RunEnd>;
  readonly #options: ServerOptions;
  readonly #coordinator: Coordinator;
  readonly #buffers: SumBuffers;
  readonly #gradients: GradientArithmetic;
  readonly #publication: Publication;
  readonly #callbacks: Callbacks;
  readonly #plausibility = new Plausibility();
  readonly #sessions: Sessions;
  readonly #inbox: { readonly event: CoordinatorEvent; readonly sums: Delivery | null }[] = [];
  #handling = false;
  #reduction: { readonly task: Task; readonly tree: TreeReduction } | null = null;
  /** What workers say the present task's collected blocks took them. */
  #computeMs = 0;
  #end: Ending | null = null;
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
    const { config, plan, model, run, incarnation, dataFingerprint, clock, start = FROM_THE_START } = options;
    const coordinatorOptions = { ...DEFAULT_COORDINATOR_OPTIONS, ...options.coordinator };
    this.#buffers = new SumBuffers(model.parameterCount);
    this.#gradients = gradientArithmetic(config.gradientFormat, model);
    this.#publication = new Publication(run, incarnation);
    const { parameters, figures, callbacks: state } = options;
    this.#callbacks = new Callbacks({
      config,
      plan,
      parameters,
      figures,
      state,
      report: (fact) => this.report(fact),
    });
    this.#sessions = new Sessions({
      run,
      incarnation,
      config,
      model,
      dataFingerprint,
      numericsFingerprint: options.numericsFingerprint ?? null,
      gradientBytes: this.#gradients.messageBytes,
      liveness: coordinatorOptions,
      clock,
      onEvent: (event) => this.#tell(event),
      onResult: (workerId, result) => this.#takeResult(workerId, result),
      onReady: (workers) => figures.workerJoined(clock.now(), workers),
      report: (fact) => this.report(fact),
      onFault: (error) => this.fail(error),
    });
    this.#coordinator = new Coordinator(new TaskSequence(config, plan), start, coordinatorOptions);
    const { totalSteps, stepsPerEpoch, trainSamples, validationSamples, testSamples } = plan;
    const identity = { run, incarnation, totalSteps, stepsPerEpoch };
    if (start.resumed) this.report({ type: 'run-resumed', ...identity, step: start.position.step });
    else {
      const sizes = { trainSamples, validationSamples, testSamples, parameterCount: model.parameterCount };
      this.report({ type: 'run-started', ...identity, ...sizes });
    }
    this.#tick();
  }

  /** Takes over a connection: greets, serves and forgets the worker at its other end. */
  accept(connection: WorkerConnection): void {
    this.#sessions.accept(connection);
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
    return this.#sessions.untold(ms);
  }

  /** Resolves when those have come back and been told, or after `ms`: until then the listener should stay. */
  farewell(ms: number): Promise<void> {
    return this.#sessions.farewell(ms);
  }

  // ── Results ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @returns what is wrong with a result that no honest worker can have sent, or null. */
  #takeResult(workerId: WorkerId, result: Result | EvaluationResult): string | null {
    const { config, plan, run, incarnation } = this.#options;
    const { task, block } = result;
    if (result.run !== run || result.incarnation !== incarnation) {
      this.#answer(workerId, result.step, task, block, 'stale');
      return null;
    }
    const received = { type: 'result-received', workerId, task, block } as const;
    const current = this.#reduction?.task;
    if (current?.id !== task) {
      this.#tell({ ...received, suspicion: null });
      return null;
    }
    const { metric } = this.#figures;
    const fault = faultOf(result, current, { config, plan, metric, gradientBytes: this.#gradients.messageBytes });
    if (fault !== null) return fault;
    const { samples, lossSum, metricSum, computeMs } = result;
    const tally = { samples, lossSum, metricSum, computeMs };
    const suspicion = suspicionOfSums(tally);
    if (result.type !== 'result') this.#tell({ ...received, suspicion }, { ...tally, vector: null });
    else {
      const vector = this.#buffers.take();
      this.#gradients.unpack(result.gradient, vector);
      const judged = suspicion ?? this.#plausibility.suspicionOf(this.#gradientNorm(vector, samples));
      this.#tell({ ...received, suspicion: judged }, { ...tally, vector });
    }
    return null;
  }

  #answer(workerId: WorkerId, step: number, task: number, block: Block, reason: 'stale' | 'duplicate' | 'bad'): void {
    if (this.#end === null) this.report({ type: 'result-discarded', step, block, workerId, reason });
    this.#sessions.connectionOf(workerId)?.send({ type: reason, task, block });
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
    this.#tickedAtMs = this.#options.clock.now();
    this.#sessions.tick();
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
        const connection = this.#sessions.connectionOf(effect.workerId);
        if (connection) this.#publication.send(connection, effect.step, this.#parameters.values);
        return;
      }
      case 'lease':
        return this.#lease(effect);
      case 'cancel':
        return this.#sessions
          .connectionOf(effect.workerId)
          ?.send({ type: 'cancel', task: effect.task, block: effect.block });
      case 'collect':
        this.#reduction!.tree.add(effect.block, sums!);
        this.#computeMs += sums!.computeMs;
        return this.#sessions.connectionOf(effect.workerId)?.send({
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
        return this.#sessions.expel(effect.workerId, effect.cause, effect.reason);
      case 'stall':
        return this.report({
          type: 'stalled',
          step: effect.task.step,
          work: effect.task.kind,
          forMs: effect.forMs,
          waitingFor: effect.waitingFor.map(({ workerId, ...rest }) => ({
            ...this.#sessions.nameOf(workerId),
            ...rest,
          })),
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
        return this.#sessions.broadcast({
          type: 'pause',
          reason: `the run waits until ${minWorkers} workers are ready`,
        });
      }
      case 'resume':
        this.report({ type: 'resumed', workers: effect.ready });
        return this.#sessions.broadcast({ type: 'resume' });
      case 'finish':
        return this.#finish(effect.outcome, effect.reason);
      default:
        effect satisfies never;
    }
  }

  #lease({ workerId, task, block, instead }: Extract<CoordinatorEffect, { type: 'lease' }>): void {
    if (instead !== null) {
      const { rank } = this.#sessions.nameOf(workerId);
      this.report({
        type: 'leased-again',
        step: task.step,
        work: task.kind,
        block,
        rank,
        insteadOf: this.#sessions.nameOf(instead),
      });
    }
    const work = {
      run: this.#options.run,
      incarnation: this.#options.incarnation,
      task: task.id,
      step: task.step,
      block,
    };
    if (task.kind === 'gradient') this.#sessions.lease(workerId, { type: 'lease', ...work });
    else this.#sessions.lease(workerId, { type: 'evaluation-lease', ...work, purpose: task.purpose });
  }

  #commit(task: GradientTask): void {
    const { config, plan, clock } = this.#options;
    const { vector, ...tally } = this.#reduction!.tree.total!;
    if (vector === null) throw new Error(`step ${task.step} was collected without a gradient`);
    const gradientNorm = this.#gradientNorm(vector, tally.samples);
    if (!(gradientNorm <= LARGEST_NORM)) {
      const reason = Number.isFinite(gradientNorm)
        ? `the gradient's norm is ${gradientNorm.toExponential(1)}`
        : 'the gradient is not finite';
      return this.#reply({ type: 'commit-refused', task: task.id, reason });
    }
    const { health, learningRateFactor: rollbackFactor } = this.#options;
    const { schedule } = config;
    const learningRate = rateAt(task.step, { schedule, plan, callbacks: this.#callbacks.state, rollbackFactor });
    const before = this.#parameters.values;
    this.#parameters.update(vector, tally.samples, learningRate);
    this.#sessions.bindNumerics();
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
      workers: this.#sessions.workers,
      stepMs,
      // A worker's clock is its own: what it says can't be more than there was.
      busyShare: stepMs === 0 ? 0 : Math.min(1, this.#computeMs / (stepMs * this.#sessions.workers)),
      ...this.#sessions.newBytes(),
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

  #saveCheckpoint(position: Position, cause: SaveCause): void {
    const { checkpoints, clock, config, plan, health } = this.#options;
    // It would be set aside at once.
    if (this.#reaction?.action === 'rollback') return;
    checkpoints?.save(
      {
        position,
        // Between two steps, which is where checkpoints are ordered, it is what the copy has to start with.
        consecutiveSkips: this.#coordinator.standing.consecutiveSkips,
        epoch: Math.floor(position.step / plan.stepsPerEpoch),
        optimizer: this.#parameters.state,
        figures: this.#figures.snapshot(clock.now()),
        numericsFingerprint: config.deterministic ? this.#sessions.numericsFingerprint : null,
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
    this.#sessions.end(this.#end);
    if (isRolledBack) {
      this.#concludeRollback(outcome, reason).catch((error: unknown) => this.fail(error));
      return;
    }
    this.#conclude(outcome, reason).catch((error: unknown) => this.fail(error));
  }

  async #conclude(outcome: RunOutcome, reason: string): Promise<void> {
    const { folder, model, checkpoints, fence, clock } = this.#options;
    const summary = this.#summary(outcome);
    const save = async () => {
      // The checkpoint first: it is what the run can go on from.
      await checkpoints?.settle();
      await fence?.();
      folder.saveParameters(this.#parameters.values, summary.steps, model.tensors, model.hash);
    };
    const onRefused = (why: string) =>
      this.report({ type: 'checkpoint-failed', step: summary.steps, reason: `the result is not saved yet: ${why}` });
    const pause = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
    const unsaved = await saveResult({ save, now: () => clock.now(), pause, onRefused });
    this.report({ type: 'run-ended', reason, ...summary });
    folder.close();
    this.#resolveEnded({ outcome, reason, summary, collapse: this.#reaction?.finding ?? null, unsaved });
  }

  async #concludeRollback(outcome: RunOutcome, reason: string): Promise<void> {
    const { folder, checkpoints, fence, rollBack } = this.#options;
    const { finding } = this.#reaction!;
    const summary = this.#summary(outcome);
    await checkpoints?.flush();
    await fence?.();
    this.report({ type: 'rolled-back', ...(await rollBack!(finding, summary.steps)) });
    folder.close();
    this.#resolveEnded({ outcome: 'rolled-back', reason, summary, collapse: finding, unsaved: null });
  }

  #summary(outcome: RunOutcome): RunSummary {
    const { clock, health } = this.#options;
    const figures = this.#figures.summary(outcome, this.#parameters.sha256(), clock.now());
    return { ...figures, health: health?.found ?? [], rollbacks: health?.rollbacks ?? [] };
  }

  /** Steps applied so far. */
  get stepsDone(): number {
    return this.#parameters.state.updates;
  }

  /** The run goes on with another server: workers that lose this one should look for it. */
  get isRolledBack(): boolean {
    return this.#end?.outcome === 'rolled-back';
  }

  /** A fault of our own: everybody is let go, and whoever waits for the end is told. */
  fail(error: unknown): void {
    const reason = 'the server failed';
    this.#end ??= { outcome: 'halted', reason };
    this.#cancelWake();
    this.#sessions.abort(reason);
    this.#rejectEnded(error);
  }

  // ── Small things ───────────────────────────────────────────────────────────────────────────────────────────────────

  get #parameters(): Parameters {
    return this.#options.parameters;
  }

  get #figures(): RunFigures {
    return this.#options.figures;
  }

  #reportMember(
    workerId: WorkerId,
    fact: (who: { readonly workerId: WorkerId; readonly rank: number }) => RunFact,
  ): void {
    const rank = this.#sessions.rankOf(workerId);
    if (rank !== undefined) this.report(fact({ workerId, rank }));
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
