import type { Block } from '@convoy/protocol/messages';
import { leavesOf } from '@convoy/numerics/blocks';
import { FROM_THE_START, TaskSequence, type StartingPoint } from '@convoy/training/coordinator/task-sequence';
import type {
  CoordinatorEffect,
  CoordinatorEvent,
  GradientTask,
  Task,
  WorkerId,
} from '@convoy/training/coordinator/events';
import { TreeReduction, type Sums } from '@convoy/numerics/reduction';
import type { Agenda } from './agenda.ts';
import { Audit } from './audit.ts';
import { promise } from './failure.ts';
import type { Ledger, Snapshot } from './ledger.ts';
import type { End, Link, Result, WorkerMessage } from './link.ts';
import type { Machine, MachineClass } from './machine.ts';
import type { Problem } from './problem.ts';
import type { SimulatedWorker } from './simulated-worker.ts';

export interface SimulatedServerOptions {
  readonly agenda: Agenda;
  readonly problem: Problem;
  readonly ledger: Ledger;
  readonly machine: MachineClass;
  readonly trace: ((line: string) => void) | null;
}

/** One member's connection, if there is one. */
interface Session {
  readonly workerId: WorkerId;
  link: Link | null;
}

interface Checkpoint {
  readonly start: StartingPoint;
  readonly ledger: Snapshot;
}

const TICK_MS = 1_000;

/** Carries out the effects of the real machine as apps/parameter-server does, in the same order, with a ledger for a model. */
export class SimulatedServer implements End<WorkerMessage> {
  readonly #options: SimulatedServerOptions;
  /** Every process of the cluster, for its heartbeats. */
  readonly #processes = new Map<WorkerId, SimulatedWorker>();
  readonly #sessions = new Map<WorkerId, Session>();
  readonly #inbox: { readonly event: CoordinatorEvent; readonly result: Result | null }[] = [];
  #handling = false;
  #machine: Machine | null = null;
  #audit!: Audit;
  #reduction: { readonly task: Task; readonly tree: TreeReduction } | null = null;
  #collected: Result[] = [];
  /** Vectors that are in a reduction's hands. */
  #vectorsOut = 0;
  /** The only worker whose poison a second attempt has seen: two that agree are believed. */
  #poisoner: WorkerId | null = null;
  #checkpoint: Checkpoint;
  #tickAtMs = 0;
  incarnation = 0;
  standsUntilMs = 0;
  outcome: 'completed' | 'halted' | 'interrupted' | null = null;
  /** What has happened, for the tests that want to know whether it does. */
  readonly counts = new Map<string, number>();

  constructor(options: SimulatedServerOptions) {
    this.#options = options;
    this.#checkpoint = { start: FROM_THE_START, ledger: options.ledger.snapshot() };
  }

  get isUp(): boolean {
    return this.#machine !== null;
  }

  /** The task that is being computed, if any. */
  get task(): Task | null {
    return this.#reduction?.task ?? null;
  }

  /** When this server wants to be woken; Infinity while there is none. */
  get wakeAtMs(): number {
    if (this.#machine === null || this.outcome !== null) return Infinity;
    return Math.max(this.standsUntilMs, Math.min(this.#tickAtMs, this.#machine.wakeAtMs));
  }

  employ(worker: SimulatedWorker): void {
    this.#processes.set(worker.id, worker);
  }

  /** Starts a process from the last checkpoint that is on the disk. */
  start(): void {
    const { problem, ledger, machine, agenda } = this.#options;
    const { start, ledger: snapshot } = this.#checkpoint;
    this.incarnation++;
    this.#say(() => `server incarnation ${this.incarnation} starts at ${JSON.stringify(start)}`);
    ledger.restore(snapshot);
    this.#machine = new machine(new TaskSequence(problem.config, problem.plan), start, problem.options);
    this.#audit = new Audit(problem.options);
    this.outcome = null;
    this.#tickAtMs = agenda.nowMs;
    this.tick();
  }

  /** Ends the process where it stands: all that was not checkpointed is lost. */
  crash(): void {
    this.#say(() => 'server crashes');
    this.#machine = null;
    this.standsUntilMs = 0;
    this.#inbox.length = 0;
    this.#reduction = null;
    this.#vectorsOut = 0;
    for (const { link } of this.#sessions.values()) link?.closeByServer('the server is gone');
    this.#sessions.clear();
  }

  stop(how: 'stop-requested' | 'halt-requested'): void {
    this.#tell({ type: how, reason: 'the schedule says so' });
  }

  tick(): void {
    const { agenda } = this.#options;
    if (agenda.nowMs >= this.#tickAtMs) this.#tickAtMs = agenda.nowMs + TICK_MS;
    for (const { workerId, link } of this.#sessions.values()) {
      if (link?.carries && this.#processes.get(workerId)!.beats) this.#tell({ type: 'worker-heard', workerId });
      if (this.outcome !== null) return;
    }
    this.#tell({ type: 'tick' });
  }

  // ── Connections ────────────────────────────────────────────────────────────────────────────────────────────────────

  receive(link: Link, message: WorkerMessage): void {
    const { workerId } = link;
    if (this.#machine === null) return link.closeByServer('nobody listens');
    if (this.outcome !== null) return;
    if (message.type === 'ready') return this.#admit(link, message);
    const session = this.#sessions.get(workerId);
    // What still comes in on a connection that this side has closed is not read.
    if (session?.link !== link) return;
    switch (message.type) {
      case 'result':
        return this.#takeResult(link, message);
      case 'lease-returned': {
        const { task, block } = message;
        if (message.incarnation === this.incarnation) this.#tell({ type: 'lease-returned', workerId, task, block });
        return;
      }
      case 'draining':
        return this.#tell({ type: 'worker-draining', workerId });
      case 'bye':
      case 'malformed':
        return this.#dismiss(session, message.type);
      default:
        message satisfies never;
    }
  }

  disconnected(link: Link, reason: string): void {
    const session = this.#sessions.get(link.workerId);
    if (this.#machine === null || this.outcome !== null || session?.link !== link) return;
    session.link = null;
    this.#tell({ type: 'worker-lost', workerId: link.workerId, reason });
  }

  #admit(link: Link, { incarnation, holding }: Extract<WorkerMessage, { type: 'ready' }>): void {
    const { workerId } = link;
    if (incarnation !== this.incarnation) return link.closeByServer('another incarnation');
    const known = this.#sessions.get(workerId);
    if (known?.link) {
      known.link.closeByServer('superseded');
      known.link = null;
      this.#tell({ type: 'worker-lost', workerId, reason: 'it has connected again' });
    }
    const session = known ?? { workerId, link: null };
    session.link = link;
    this.#sessions.set(workerId, session);
    const { origin } = this.#processes.get(workerId)!;
    this.#tell({ type: 'worker-joined', workerId, origin, holding });
  }

  #dismiss(session: Session, reason: string): void {
    session.link?.closeByServer(reason);
    session.link = null;
    this.#sessions.delete(session.workerId);
    this.#tell({ type: 'worker-left', workerId: session.workerId, reason, atFault: reason === 'malformed' });
  }

  #takeResult(link: Link, result: Result): void {
    const { workerId } = link;
    const { task, block } = result;
    if (result.incarnation !== this.incarnation) return this.#answer(workerId, task, block);
    const received = { type: 'result-received', workerId, task, block } as const;
    const current = this.#reduction?.task;
    // What is not of the present task is not looked into.
    if (current?.id !== task) return this.#tell({ ...received, suspicion: null }, result);
    const { start, end } = leavesOf(block, current.leaves);
    if (start >= end || result.step !== current.step) return this.#dismiss(this.#sessions.get(workerId)!, 'malformed');
    // The sum takes the vector over, and the worker may send the same result again.
    const vector = result.sums.vector?.slice() ?? null;
    if (current.kind === 'gradient' && vector !== null && this.#isPoisoned(workerId, current)) vector[0] = NaN;
    const isIncredible = current.kind === 'gradient' && this.#options.problem.incredible[current.step];
    const suspicion = Number.isNaN(vector?.[0]) ? 'not finite' : isIncredible ? 'much' : null;
    this.#tell({ ...received, suspicion }, { ...result, sums: { ...result.sums, vector } });
  }

  /**
   * Whether a worker's result is poison. That costs a first attempt, at most. A second attempt is computed by workers that have
   * proved themselves, while there are any; one of them that has turned bad must not be believed because it is the last or because
   * somebody else finds the same, for then the step is lost by design.
   */
  #isPoisoned(workerId: WorkerId, { attempt, step }: GradientTask): boolean {
    if (!this.#processes.get(workerId)!.poisonous) return false;
    if (attempt === 1) return true;
    if (!this.#audit.canAskAnother(workerId) || this.#options.problem.incredible[step]) return false;
    this.#poisoner ??= workerId;
    return this.#poisoner === workerId;
  }

  #answer(workerId: WorkerId, task: number, block: Block): void {
    this.#sessions.get(workerId)?.link?.sendToWorker({ type: 'answer', task, block });
  }

  // ── The coordinator's events and effects ───────────────────────────────────────────────────────────────────────────

  #tell(event: CoordinatorEvent, result: Result | null = null): void {
    this.#inbox.push({ event, result });
    if (this.#handling) return;
    this.#handling = true;
    const { agenda, trace } = this.#options;
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      if (trace !== null && next.event.type !== 'worker-heard' && next.event.type !== 'tick') {
        trace(`  ${describe(next.event)}`);
      }
      this.#audit.event(next.event, agenda.nowMs);
      const effects = this.#machine!.handle(next.event, agenda.nowMs);
      for (const effect of effects) {
        trace?.(`    → ${describe(effect)}`);
        this.#audit.effect(effect);
        this.#perform(effect, next.result);
      }
      this.#audit.settled(this.#machine!);
    }
    this.#handling = false;
  }

  /** What the server itself concluded comes before all that waits: the coordinator must know what it has caused. */
  #reply(...events: readonly CoordinatorEvent[]): void {
    this.#inbox.unshift(...events.map((event) => ({ event, result: null })));
  }

  /** Answers an order after which an epoch may be over. */
  #replyAfter(decider: 'step' | 'validation' | 'test', answer: CoordinatorEvent): void {
    const { ledger, problem } = this.#options;
    const { callbacks, plan } = problem;
    const isEpochEnd = ledger.step % plan.stepsPerEpoch === 0 || ledger.step === plan.totalSteps;
    const isDecisive = decider === (plan.validationSamples > 0 ? 'validation' : 'step');
    if (callbacks === null || !isEpochEnd || !isDecisive) return this.#reply(answer);
    const events: CoordinatorEvent[] = [];
    if (ledger.epochDecided()) events.push({ type: 'parameters-replaced' });
    if (ledger.step === callbacks.stopAfter && ledger.step < plan.totalSteps) {
      events.push({ type: 'training-ended', reason: 'it is good enough' });
    }
    for (const { type } of events) this.counts.set(type, (this.counts.get(type) ?? 0) + 1);
    this.#reply(...events, { ...answer, isSaved: callbacks.saves[ledger.step]! } as CoordinatorEvent);
  }

  #perform(effect: CoordinatorEffect, result: Result | null): void {
    const { ledger, agenda } = this.#options;
    this.counts.set(effect.type, (this.counts.get(effect.type) ?? 0) + 1);
    switch (effect.type) {
      case 'open':
        this.#reduction?.tree.clear();
        promise(this.#vectorsOut === 0, () => `${this.#vectorsOut} gradients are kept after their step`);
        this.#collected = [];
        this.#poisoner = null;
        this.#reduction = {
          task: effect.task,
          tree: new TreeReduction(effect.task.leaves, undefined, () => this.#vectorsOut--),
        };
        return;
      case 'send-parameters':
        return this.#linkOf(effect.workerId)?.sendToWorker({
          type: 'parameters',
          step: effect.step,
          values: ledger.parameters,
        });
      case 'lease': {
        const { workerId, task, block } = effect;
        return this.#linkOf(workerId)?.sendToWorker({ type: 'lease', incarnation: this.incarnation, task, block });
      }
      case 'cancel':
        return this.#linkOf(effect.workerId)?.sendToWorker({ type: 'cancel', task: effect.task, block: effect.block });
      case 'collect': {
        if (result!.sums.vector !== null) this.#vectorsOut++;
        this.#collected.push(result!);
        this.#reduction!.tree.add(effect.block, result!.sums);
        promise(this.#vectorsOut <= effect.task.leaves, () => 'more gradients are kept than there are leaves');
        return this.#answer(effect.workerId, effect.task.id, effect.block);
      }
      case 'discard':
        return this.#answer(effect.workerId, effect.task, effect.block);
      case 'expel': {
        const session = this.#sessions.get(effect.workerId);
        session?.link?.closeByServer(effect.reason);
        this.#sessions.delete(effect.workerId);
        return;
      }
      case 'commit':
        return this.#commit(effect.task);
      case 'evaluate':
        ledger.evaluated(effect.task, this.#total());
        return this.#replyAfter(effect.task.purpose, { type: 'evaluated', task: effect.task.id });
      case 'skip':
        ledger.skip(effect.task);
        return this.#replyAfter('step', { type: 'skipped', task: effect.task.id });
      case 'checkpoint': {
        ledger.checkPosition(effect.position, effect.cause);
        const start = { ...this.#machine!.standing, position: effect.position };
        const checkpoint = { start, ledger: ledger.snapshot() };
        const { incarnation } = this;
        // It is on the disk after a while, if the process lives so long; at its end a process waits for that.
        if (effect.cause === 'end') this.#checkpoint = checkpoint;
        else agenda.after(300, () => this.isUp && this.incarnation === incarnation && (this.#checkpoint = checkpoint));
        return;
      }
      case 'finish':
        this.outcome = effect.outcome;
        if (effect.outcome !== 'interrupted' && effect.reason !== 'the schedule says so') ledger.close(effect.outcome);
        else this.outcome = 'interrupted';
        return;
      case 'release':
      case 'suspect':
      case 'recover':
      case 'quarantine':
      case 'stall':
      case 'retry':
      case 'pause':
      case 'resume':
        return;
      default:
        effect satisfies never;
    }
  }

  #commit(task: GradientTask): void {
    const { ledger, problem } = this.#options;
    const total = this.#total();
    const isRefused =
      problem.refusals[task.step]! >= task.attempt || total.vector!.some((value) => Number.isNaN(value));
    if (isRefused) return this.#reply({ type: 'commit-refused', task: task.id, reason: 'it is not finite' });
    ledger.commit(task, total, this.#collected);
    this.#replyAfter('step', { type: 'committed', task: task.id });
  }

  #total(): Sums {
    const total = this.#reduction?.tree.total;
    promise(total !== undefined, () => 'a task was concluded whose sum is not complete');
    return total;
  }

  #linkOf(workerId: WorkerId): Link | null | undefined {
    return this.#sessions.get(workerId)?.link;
  }

  #say(line: () => string): void {
    this.#options.trace?.(line());
  }
}

/** One line of a trace. */
function describe({ type, ...fields }: CoordinatorEvent | CoordinatorEffect): string {
  return `${type} ${JSON.stringify(fields)}`;
}
