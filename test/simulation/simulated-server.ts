import type { Block } from '@convoy/protocol/messages';
import { leavesOf } from '@convoy/numerics/blocks';
import type { FiguresSnapshot } from '@convoy/training/figures';
import { FROM_THE_START, TaskSequence, type StartingPoint } from '@convoy/training/coordinator/task-sequence';
import type {
  CoordinatorEffect,
  CoordinatorEvent,
  GradientTask,
  Task,
  WorkerId,
} from '@convoy/training/coordinator/events';
import type { Sums } from '@convoy/numerics/reduction';
import { commitStep, skipStep, takeEvaluation, type Conclusion } from '@convoy/server/commit-step';
import { TaskSums } from '@convoy/server/task-sums';
import type { Agenda } from './agenda.ts';
import { Audit } from './audit.ts';
import { promise } from './failure.ts';
import type { Ledger, Snapshot } from './ledger.ts';
import type { End, Link, Result, WorkerMessage } from './link.ts';
import type { Machine, MachineClass } from './machine.ts';
import type { Problem } from './problem.ts';
import { SimulatedTraining } from './simulated-training.ts';
import type { SimulatedWorker } from './simulated-worker.ts';

export interface SimulatedServerOptions {
  readonly agenda: Agenda;
  readonly problem: Problem;
  readonly ledger: Ledger;
  readonly machine: MachineClass;
  readonly trace: ((line: string) => void) | null;
}

/** One member's connection, if there is one. */
interface SimulatedSession {
  readonly workerId: WorkerId;
  link: Link | null;
}

/** What a result brought, and where in the data it was computed. */
interface Delivery extends Sums {
  readonly step: number;
  readonly block: Block;
}

interface Checkpoint {
  readonly start: StartingPoint;
  readonly figures: FiguresSnapshot | null;
  readonly ledger: Snapshot;
}

const TICK_MS = 1_000;

/** Carries out the effects of the real machine with the parameter server's own code for sums and commits, and a ledger for a model. */
export class SimulatedServer implements End<WorkerMessage> {
  readonly #options: SimulatedServerOptions;
  /** Every process of the cluster, for its heartbeats. */
  readonly #processes = new Map<WorkerId, SimulatedWorker>();
  readonly #sessions = new Map<WorkerId, SimulatedSession>();
  readonly #inbox: CoordinatorEvent[] = [];
  #handling = false;
  #machine: Machine | null = null;
  #audit!: Audit;
  #sums = new TaskSums<Delivery>({ recycle: () => this.#vectorsOut-- });
  #training!: SimulatedTraining;
  #collected: Delivery[] = [];
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
    this.#checkpoint = { start: FROM_THE_START, figures: null, ledger: options.ledger.snapshot() };
  }

  get isUp(): boolean {
    return this.#machine !== null;
  }

  /** The task that is being computed, if any. */
  get task(): Task | null {
    return this.#sums.task;
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
    const { start, figures, ledger: snapshot } = this.#checkpoint;
    this.incarnation++;
    this.#say(() => `server incarnation ${this.incarnation} starts at ${JSON.stringify(start)}`);
    ledger.restore(snapshot);
    this.#machine = new machine(new TaskSequence(problem.config, problem.plan), start, problem.options);
    this.#training = new SimulatedTraining(problem, ledger, figures);
    this.#audit = new Audit(problem.options, start);
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
    this.#sums = new TaskSums({ recycle: () => this.#vectorsOut-- });
    this.#vectorsOut = 0;
    for (const { link } of this.#sessions.values()) link?.closeByServer('the server is gone');
    this.#sessions.clear();
  }

  stop(how: 'stop-requested' | 'halt-requested'): void {
    this.#tell({ type: how, reason: 'the schedule says so' });
  }

  /** An operator wants a checkpoint. */
  requestCheckpoint(): void {
    if (this.isUp && this.outcome === null) this.#tell({ type: 'checkpoint-requested' });
  }

  /** An operator wants the run to stand still, or to go on. */
  requestPause(isWanted: boolean): void {
    if (this.isUp && this.outcome === null) this.#tell({ type: isWanted ? 'pause-requested' : 'unpause-requested' });
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
    this.#training.figures.workerJoined(this.#options.agenda.nowMs, this.#sessions.size);
    this.#tell({ type: 'worker-joined', workerId, origin, holding });
  }

  #dismiss(session: SimulatedSession, reason: string): void {
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
    const current = this.#sums.task;
    // What is not of the present task is not looked into.
    if (current?.id !== task) return this.#tell({ ...received, suspicion: null });
    const { start, end } = leavesOf(block, current.leaves);
    if (start >= end || result.step !== current.step) return this.#dismiss(this.#sessions.get(workerId)!, 'malformed');
    // The sum takes the vector over, and the worker may send the same result again.
    const vector = result.sums.vector?.slice() ?? null;
    if (current.kind === 'gradient' && vector !== null && this.#isPoisoned(workerId, current)) vector[0] = NaN;
    const isIncredible = current.kind === 'gradient' && this.#options.problem.incredible[current.step];
    const suspicion = Number.isNaN(vector?.[0]) ? 'not finite' : isIncredible ? 'much' : null;
    if (vector !== null) this.#vectorsOut++;
    this.#sums.keep({ workerId, task, block }, { ...result.sums, vector, step: result.step, block });
    this.#tell({ ...received, suspicion });
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

  #tell(event: CoordinatorEvent): void {
    this.#inbox.push(event);
    if (this.#handling) return;
    this.#handling = true;
    const { agenda, trace } = this.#options;
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      if (trace !== null && next.type !== 'worker-heard' && next.type !== 'tick') {
        trace(`  ${describe(next)}`);
      }
      this.#audit.event(next, agenda.nowMs);
      const effects = this.#machine!.handle(next, agenda.nowMs);
      for (const effect of effects) {
        trace?.(`    → ${describe(effect)}`);
        this.#audit.effect(effect);
        this.#perform(effect);
      }
      this.#audit.settled(this.#machine!);
    }
    this.#handling = false;
  }

  /** As the server does: what was concluded comes before all that waits. */
  #conclude({ events }: Conclusion): void {
    for (const { type } of events) {
      if (type === 'training-ended' || type === 'parameters-replaced') this.#count(type);
    }
    this.#inbox.unshift(...events);
  }

  #perform(effect: CoordinatorEffect): void {
    const { ledger, agenda } = this.#options;
    this.#count(effect.type);
    switch (effect.type) {
      case 'open':
        this.#sums.open(effect.task);
        this.#training.figures.taskOpened(agenda.nowMs);
        promise(this.#vectorsOut === 0, () => `${this.#vectorsOut} gradients are kept after their step`);
        this.#collected = [];
        this.#poisoner = null;
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
        const { workerId, task, block } = effect;
        this.#collected.push(this.#sums.collect({ workerId, task: task.id, block }));
        promise(this.#vectorsOut <= task.leaves, () => 'more gradients are kept than there are leaves');
        return this.#answer(workerId, task.id, block);
      }
      case 'discard':
        this.#sums.discard(effect);
        return this.#answer(effect.workerId, effect.task, effect.block);
      case 'expel': {
        const session = this.#sessions.get(effect.workerId);
        session?.link?.closeByServer(effect.reason);
        this.#sessions.delete(effect.workerId);
        return;
      }
      case 'commit':
        return this.#conclude(this.#commit(effect.task));
      case 'evaluate':
        ledger.evaluated(effect.task, this.#sums.total);
        return this.#conclude(takeEvaluation(effect.task, this.#sums.total, this.#training, agenda.nowMs));
      case 'skip':
        ledger.skip(effect.task);
        return this.#conclude(skipStep(effect.task, effect.reason, this.#training, agenda.nowMs));
      case 'checkpoint': {
        if (effect.cause === 'requested') this.#count('requested checkpoint');
        ledger.checkPosition(effect.position, effect.cause);
        const start = { ...this.#machine!.standing, position: effect.position };
        const figures = this.#training.figures.snapshot(agenda.nowMs);
        const checkpoint = { start, figures, ledger: ledger.snapshot() };
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
        return;
      case 'pause':
        return this.#training.figures.paused(agenda.nowMs);
      case 'wait':
      case 'resume':
        this.#training.figures.unpaused(agenda.nowMs);
        return;
      default:
        effect satisfies never;
    }
  }

  #commit(task: GradientTask): Conclusion {
    const { problem, ledger, agenda } = this.#options;
    const { total } = this.#sums;
    ledger.concluding(task, total, this.#collected);
    // The guard is the server's own: it refuses what is not finite.
    if (problem.refusals[task.step]! >= task.attempt) total.vector![0] = Infinity;
    const cost = { workers: this.#sessions.size, computeMs: 0, bytesReceived: 0, bytesSent: 0 };
    return commitStep(task, total, this.#training, agenda.nowMs, { lap() {}, cost: () => cost });
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
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
