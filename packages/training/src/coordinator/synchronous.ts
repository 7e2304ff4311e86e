import type { Block } from '@convoy/protocol/messages';
import { FreeBlocks, floorPowerOfTwo, leavesOf, rootOf } from '@convoy/numerics/blocks';
import type { TaskSequence, Position } from './task-sequence.ts';
import type {
  Awaited,
  CheckpointCause,
  CoordinatorEffect,
  CoordinatorEvent,
  EvaluationTask,
  ExpulsionCause,
  GradientTask,
  Holding,
  Task,
  WorkerId,
} from './events.ts';
import { Pace } from './pace.ts';
import {
  DEFAULT_ROSTER_OPTIONS,
  Roster,
  ownPaceOf,
  sameHolding,
  type Member,
  type RosterOptions,
  type WorkerLease,
} from './roster.ts';

export interface CoordinatorOptions {
  /** Below this many ready workers the run pauses. */
  readonly minWorkers: number;
  /** Consecutive skipped steps after which the run halts. */
  readonly maxConsecutiveSkips: number;
  /** A checkpoint every this many steps, and this many milliseconds; null for never. */
  readonly checkpointEverySteps: number | null;
  readonly checkpointEveryMs: number | null;
  /** Silence after which a connected worker gets no leases, and after which it is dead. */
  readonly suspectAfterMs: number;
  readonly deadAfterMs: number;
  /** How long a worker whose connection broke keeps its lease. */
  readonly graceMs: number;
  /** Shortest lease deadline: what a scheduler may take for itself. */
  readonly minDeadlineMs: number;
  /** Longest lease deadline, unless twice the usual time is longer. */
  readonly maxDeadlineMs: number;
  /** A worker is hung after this many deadlines of its lease, and not before `hungAfterMs`; each time after twice as long. */
  readonly hungAfterDeadlines: number;
  readonly hungAfterMs: number;
  /** Say who is waited for when nothing came in for this long; each time after twice as long. */
  readonly stallAfterMs: number;
  readonly roster: RosterOptions;
}

export const DEFAULT_COORDINATOR_OPTIONS: CoordinatorOptions = {
  minWorkers: 1,
  maxConsecutiveSkips: 3,
  checkpointEverySteps: null,
  checkpointEveryMs: null,
  suspectAfterMs: 3_000,
  deadAfterMs: 10_000,
  graceMs: 2_000,
  minDeadlineMs: 100,
  maxDeadlineMs: 60_000,
  hungAfterDeadlines: 3,
  hungAfterMs: 10_000,
  stallAfterMs: 5_000,
  roster: DEFAULT_ROSTER_OPTIONS,
};

/** Where a machine starts: after how many commits, and what it had counted by then. */
export interface StartingPoint {
  readonly position: Position;
  readonly consecutiveSkips: number;
  /** Why no steps follow, only what is due at the position; null or left out while they do. */
  readonly stopReason?: string | null;
}

export const FROM_THE_START: StartingPoint = { position: { step: 0, due: [] }, consecutiveSkips: 0 };

/** Times of all workers that decide what is usual. */
const COMMON_TIMES = 64;
/** A holder is a straggler when an idle worker, starting now, would be done this many times earlier. */
const STRAGGLER_FACTOR = 1.5;
/** A worker's lease may take this many times the usual time of the largest lease. */
const UNEVENNESS = 2;
/** A gap between two events that only a process that stood still can leave: ticks come every second. */
const STANDSTILL_MS = 3_000;

type Phase =
  /** Blocks of the task are being leased and collected. */
  | { readonly name: 'collecting'; readonly task: Task; readonly free: FreeBlocks; readonly missing: Set<number> }
  /** All leaves are in; the server was asked to conclude the task and has not answered. */
  | { readonly name: 'concluding'; readonly task: Task }
  | { readonly name: 'finished' };

/**
 * The synchronous coordinator: takes events and the time, returns effects, does no I/O and reads no clock. It sees ids,
 * steps and blocks, never tensors. After every event it settles: whatever the joint state allows is ordered at once,
 * however that state was reached, so no arrival order can leave a step waiting for something that has already happened.
 */
export class SynchronousCoordinator {
  readonly #sequence: TaskSequence;
  readonly #options: CoordinatorOptions;
  readonly #roster: Roster;
  readonly #pace = { gradient: new Pace(COMMON_TIMES), evaluation: new Pace(COMMON_TIMES) };
  /** Who returned unbelievable values for a leaf of the present task. */
  readonly #suspected = new Map<number, WorkerId>();
  #position: Position;
  #phase: Phase;
  #effects: CoordinatorEffect[] = [];
  #nextTaskId = 0;
  #paused = false;
  #consecutiveSkips: number;
  /** Why the sum was refused that is being skipped. */
  #lastRefusal = '';
  /** Why the training is over before its last step; null while it isn't. */
  #stopReason: string | null;
  #nowMs = -Infinity;
  /** When a leaf came in last, or the task was opened. */
  #progressAtMs = 0;
  #stallReports = 0;
  #pendingCheckpoint: CheckpointCause | null = null;
  #checkpointAt: Position | null = null;
  #checkpointAtMs = 0;

  constructor(sequence: TaskSequence, start = FROM_THE_START, options = DEFAULT_COORDINATOR_OPTIONS) {
    this.#sequence = sequence;
    this.#options = options;
    this.#roster = new Roster(options.roster);
    this.#position = start.position;
    this.#consecutiveSkips = start.consecutiveSkips;
    this.#stopReason = start.stopReason ?? null;
    if (start !== FROM_THE_START) this.#checkpointAt = start.position;
    // The opening is reported with the first event's effects.
    this.#phase = this.#open(start.position, 1);
  }

  /** Workers that may be leased work now. */
  get readyWorkers(): number {
    return this.#roster.countReady(this.#nowMs);
  }

  get finished(): boolean {
    return this.#phase.name === 'finished';
  }

  /** Where a copy of this machine would have to start. Between events. */
  get standing(): StartingPoint {
    return { position: this.#position, consecutiveSkips: this.#consecutiveSkips, stopReason: this.#stopReason };
  }

  /** The next time at which a `tick` would change something; Infinity when none would. */
  get wakeAtMs(): number {
    if (this.finished) return Infinity;
    const { suspectAfterMs, deadAfterMs, graceMs } = this.#options;
    let wakeAtMs = Infinity;
    const consider = (atMs: number) => {
      if (atMs > this.#nowMs && atMs < wakeAtMs) wakeAtMs = atMs;
    };
    for (const { id, heardAtMs, silent, lostAtMs, lease } of this.#roster) {
      consider(lostAtMs === null ? heardAtMs + (silent ? deadAfterMs : suspectAfterMs) : lostAtMs + graceMs);
      consider(this.#roster.quarantinedUntilMs(id));
      if (lease === null) continue;
      consider(lease.slowAtMs);
      consider(lease.hungAtMs);
    }
    if (this.#phase.name === 'collecting' && !this.#paused) consider(this.#stallAtMs());
    return wakeAtMs;
  }

  /** @param nowMs milliseconds on a clock that never goes back. */
  handle(event: CoordinatorEvent, nowMs: number): readonly CoordinatorEffect[] {
    this.#passTime(nowMs);
    this.#apply(event);
    this.#checkMembers();
    this.#settle();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #passTime(nowMs: number): void {
    const gapMs = nowMs - this.#nowMs;
    if (this.#nowMs === -Infinity) this.#progressAtMs = this.#checkpointAtMs = nowMs;
    // This process was stopped, or its machine slept: the silence was its own.
    else if (gapMs > STANDSTILL_MS) {
      this.#roster.forgive(gapMs);
      this.#progressAtMs += gapMs;
    }
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  #apply(event: CoordinatorEvent): void {
    if ('workerId' in event) this.#hear(event.workerId);
    switch (event.type) {
      case 'worker-joined':
        return this.#join(event.workerId, event.holding);
      case 'worker-heard':
      case 'tick':
        return;
      case 'worker-lost':
        return this.#lose(event.workerId, event.reason);
      case 'worker-left':
        return this.#leave(event.workerId, event.reason, event.atFault);
      case 'worker-draining': {
        const member = this.#roster.get(event.workerId);
        if (member !== undefined) member.draining = true;
        return;
      }
      case 'result-received':
        return this.#collect(event.workerId, event.task, event.block, event.suspicion);
      case 'lease-returned': {
        const member = this.#roster.get(event.workerId);
        if (!member?.lease || !sameHolding(member.lease, event)) return;
        const { cancelled } = member.lease;
        this.#release(member, 'returned');
        // Who is idle gets work at once: one that gives back whatever it gets would keep a step for itself for ever.
        if (!cancelled) this.#quarantine(event.workerId, 'it returns its leases');
        return;
      }
      case 'committed':
        this.#assertConcluding(event.task, 'gradient');
        this.#consecutiveSkips = 0;
        return this.#afterStep(event.isSaved);
      case 'commit-refused':
        return this.#refuse(this.#assertConcluding(event.task, 'gradient') as GradientTask, event.reason);
      case 'skipped':
        this.#assertConcluding(event.task, 'gradient');
        return this.#afterSkip(event.isSaved);
      case 'evaluated': {
        const { purpose } = this.#assertConcluding(event.task, 'evaluation') as EvaluationTask;
        if (event.isSaved ?? purpose === 'validation') this.#pendingCheckpoint = 'validation';
        return this.#advance(this.#sequence.afterEvaluation(this.#position, this.#stopReason !== null));
      }
      case 'training-ended':
        if (this.#phase.name !== 'concluding') throw new Error('the training was ended while a task is being computed');
        this.#stopReason = event.reason;
        return;
      case 'parameters-replaced':
        for (const member of this.#roster) member.parametersAt = -1;
        return;
      case 'stop-requested':
        return this.#finish('interrupted', event.reason);
      case 'halt-requested':
        return this.#finish('halted', event.reason);
      default:
        event satisfies never;
    }
  }

  #hear(workerId: WorkerId): void {
    const member = this.#roster.get(workerId);
    if (member === undefined || member.lostAtMs !== null) return;
    member.heardAtMs = this.#nowMs;
    if (!member.silent) return;
    member.silent = false;
    this.#effects.push({ type: 'recover', workerId });
  }

  #join(workerId: WorkerId, holding: Holding | null): void {
    let member = this.#roster.get(workerId);
    if (member === undefined) member = this.#roster.add(workerId, this.#nowMs);
    else if (member.lostAtMs === null) throw new Error(`worker ${workerId} joined twice`);
    else {
      member.lostAtMs = null;
      member.heardAtMs = this.#nowMs;
      member.parametersAt = -1;
      this.#effects.push({ type: 'recover', workerId });
    }
    if (member.lease !== null && (holding === null || !sameHolding(member.lease, holding))) {
      this.#release(member, 'it came back without it');
    }
    if (holding === null) return;
    // What it brings along and nobody wants keeps it busy until it gives it up.
    member.lease ??= { ...this.#leaseOf(member, holding, 'gradient', holding.block.size), cancelled: true };
    if (member.lease.cancelled) this.#effects.push({ type: 'cancel', workerId, ...holding });
  }

  #lose(workerId: WorkerId, reason: string): void {
    const member = this.#roster.get(workerId);
    if (member === undefined || member.lostAtMs !== null) return;
    if (member.draining) return this.#remove(workerId, reason);
    member.lostAtMs = this.#nowMs;
    member.silent = false;
    this.#effects.push({ type: 'suspect', workerId, reason });
    if (this.#roster.noteLoss(workerId, this.#nowMs)) this.#quarantine(workerId, 'its connection keeps breaking');
  }

  /** Who breaks the protocol, or comes and goes without end, is given nothing for a while when it comes again. */
  #leave(workerId: WorkerId, reason: string, atFault: boolean): void {
    if (this.#roster.get(workerId) === undefined) return;
    this.#remove(workerId, reason);
    if (atFault) this.#quarantine(workerId, reason);
    else if (this.#roster.noteLoss(workerId, this.#nowMs)) this.#quarantine(workerId, 'it keeps leaving');
  }

  #remove(workerId: WorkerId, reason: string): void {
    const member = this.#roster.get(workerId);
    if (member === undefined) return;
    this.#release(member, reason);
    this.#roster.remove(workerId);
  }

  #expel(member: Member, cause: ExpulsionCause, reason: string): void {
    this.#remove(member.id, reason);
    this.#effects.push({ type: 'expel', workerId: member.id, cause, reason });
  }

  #quarantine(workerId: WorkerId, reason: string): void {
    const forMs = this.#roster.offend(workerId, this.#nowMs);
    this.#effects.push({ type: 'quarantine', workerId, forMs, reason });
  }

  /** Who is silent, dead, hung or did not come back. */
  #checkMembers(): void {
    if (this.finished) return;
    const { suspectAfterMs, deadAfterMs, graceMs } = this.#options;
    const nowMs = this.#nowMs;
    for (const member of this.#roster) {
      const { id, lostAtMs, heardAtMs, lease } = member;
      if (lostAtMs !== null) {
        if (nowMs >= lostAtMs + graceMs) this.#expel(member, 'dead', `did not come back within ${seconds(graceMs)}`);
        continue;
      }
      if (nowMs >= heardAtMs + deadAfterMs) {
        this.#expel(member, 'dead', `nothing heard for ${seconds(deadAfterMs)}`);
      } else if (lease !== null && nowMs >= lease.hungAtMs) {
        const forMs = nowMs - lease.leasedAtMs;
        this.#roster.noteHang(id);
        this.#quarantine(id, 'it was hung');
        this.#expel(member, 'hung', `alive, but no result for ${seconds(forMs)}`);
      } else if (!member.silent && nowMs >= heardAtMs + suspectAfterMs) {
        member.silent = true;
        this.#effects.push({ type: 'suspect', workerId: id, reason: `nothing heard for ${seconds(suspectAfterMs)}` });
      }
    }
  }

  /** Orders everything that the joint state allows. */
  #settle(): void {
    const phase = this.#phase;
    if (phase.name !== 'collecting') return;
    if (phase.missing.size === 0) {
      this.#phase = { name: 'concluding', task: phase.task };
      this.#effects.push(
        phase.task.kind === 'gradient' ? { type: 'commit', task: phase.task } : { type: 'evaluate', task: phase.task },
      );
      return;
    }
    const ready = this.readyWorkers;
    const enough = ready >= this.#options.minWorkers;
    if (enough === this.#paused) {
      this.#paused = !enough;
      this.#restartStall();
      this.#effects.push(
        enough ? { type: 'resume', ready } : { type: 'pause', ready, minWorkers: this.#options.minWorkers },
      );
    }
    if (!enough) return;
    let late: readonly Member[] | null = null;
    for (const member of this.#roster) {
      if (member.lease !== null || !this.#roster.isReady(member, this.#nowMs)) continue;
      const block = phase.free.take(this.#leaseSize(member, phase.task, ready));
      if (block !== undefined) {
        this.#lease(member, phase.task, block, null);
        continue;
      }
      // Hundreds may be idle at a step's end, and hardly anybody is late: looked for once, and again after each new lease.
      late ??= this.#mayBeLate(phase.task);
      const straggler = this.#stragglerFor(member, late);
      if (straggler === null) continue;
      this.#lease(member, phase.task, straggler.lease!.block, straggler.id);
      late = null;
    }
    if (this.#nowMs >= this.#stallAtMs()) this.#reportStall(phase.task, phase.free);
  }

  /** Leaves per lease: as few uploads as possible, no larger than the busiest worker's share must be, and less for the slow. */
  #leaseSize(member: Member, { leaves, kind }: Task, ready: number): number {
    let size = floorPowerOfTwo(Math.max(1, Math.ceil(leaves / ready)));
    const own = ownPaceOf(member, kind);
    const common = this.#pace[kind].median;
    if (own === undefined || common === undefined) return size;
    const bearableMs = UNEVENNESS * common * size;
    while (size > 1 && own * size > bearableMs) size /= 2;
    return size;
  }

  #lease(member: Member, task: Task, block: Block, instead: WorkerId | null): void {
    if (member.parametersAt !== task.step) {
      member.parametersAt = task.step;
      this.#effects.push({ type: 'send-parameters', workerId: member.id, step: task.step });
    }
    const { start, end } = leavesOf(block, task.leaves);
    member.lease = this.#leaseOf(member, { task: task.id, block }, task.kind, end - start);
    this.#effects.push({ type: 'lease', workerId: member.id, task, block, instead });
  }

  #leaseOf(member: Member, holding: Holding, kind: Task['kind'], leaves: number): WorkerLease {
    const { minDeadlineMs, maxDeadlineMs, hungAfterDeadlines, hungAfterMs } = this.#options;
    const deadlineMs = this.#pace[kind].deadlineMs(leaves, minDeadlineMs, maxDeadlineMs);
    // A worker that has always been slow is no more hung than it is dead.
    const own = ownPaceOf(member, kind);
    const ownDeadlineMs = Math.max(deadlineMs, 2 * (own ?? 0) * leaves);
    // Nor is one that is only slower than anybody knew: it is given longer each time, so that it finishes some day.
    const patience = own === undefined ? 2 ** this.#roster.hangsOf(member.id) : 1;
    return {
      task: holding.task,
      block: holding.block,
      kind,
      leaves,
      leasedAtMs: this.#nowMs,
      slowAtMs: this.#nowMs + deadlineMs,
      hungAtMs: this.#nowMs + patience * Math.max(hungAfterMs, hungAfterDeadlines * ownDeadlineMs),
      cancelled: false,
    };
  }

  /** Holders of the task's blocks of whom some idle worker may find that they are late: all that {@link #expectedEnd} can tell of. */
  #mayBeLate(task: Task): readonly Member[] {
    return [...this.#roster].filter((holder) => {
      const { lease } = holder;
      if (lease === null || lease.cancelled || lease.task !== task.id) return false;
      if (this.#isOverdue(holder, lease)) return true;
      const own = ownPaceOf(holder, lease.kind);
      return own !== undefined && lease.leasedAtMs + own * lease.leaves - this.#nowMs > this.#options.minDeadlineMs;
    });
  }

  /** The holder whose block this idle worker should compute as well: the one that keeps the step waiting longest. */
  #stragglerFor(idle: Member, late: readonly Member[]): Member | null {
    let straggler: Member | null = null;
    let latestMs = -Infinity;
    for (const holder of late) {
      const expectedMs = this.#expectedEnd(holder, holder.lease!, idle);
      if (expectedMs <= latestMs) continue;
      if (!this.#roster.coHolders(holder).next().done) continue;
      latestMs = expectedMs;
      straggler = holder;
    }
    return straggler;
  }

  #isOverdue(holder: Member, lease: WorkerLease): boolean {
    return holder.lostAtMs !== null || holder.silent || this.#nowMs >= lease.slowAtMs;
  }

  /** When a lease will be done, as far as can be told: Infinity for a holder that may never, −Infinity for one that is in time. */
  #expectedEnd(holder: Member, lease: WorkerLease, idle: Member): number {
    if (this.#isOverdue(holder, lease)) return Infinity;
    const own = ownPaceOf(holder, lease.kind);
    const common = this.#pace[lease.kind].median;
    if (own === undefined || common === undefined) return -Infinity;
    const endMs = lease.leasedAtMs + own * lease.leaves;
    const idleMs = (ownPaceOf(idle, lease.kind) ?? common) * lease.leaves;
    // Below the shortest deadline it is the scheduler's doing, and over before the other could help.
    const bearableMs = Math.max(STRAGGLER_FACTOR * idleMs, this.#options.minDeadlineMs);
    return endMs - this.#nowMs > bearableMs ? endMs : -Infinity;
  }

  #collect(workerId: WorkerId, taskId: number, block: Block, suspicion: string | null): void {
    const member = this.#roster.get(workerId);
    const lease = member?.lease ?? null;
    const held = lease !== null && sameHolding(lease, { task: taskId, block });
    const phase = this.#phase;
    if (held && suspicion === null) {
      const msPerLeaf = (this.#nowMs - lease.leasedAtMs) / lease.leaves;
      member!.pace[lease.kind].add(msPerLeaf);
      if (!lease.cancelled) this.#pace[lease.kind].add(msPerLeaf);
    }
    if (phase.name !== 'collecting' || phase.task.id !== taskId) {
      if (held) member!.lease = null;
      return this.#discard(workerId, taskId, block, 'stale');
    }
    const { start, end } = leavesOf(block, phase.task.leaves);
    let known = start < end;
    for (let leaf = start; leaf < end; leaf++) if (phase.missing.has(leaf)) known = false;
    if (!held || lease.cancelled || known) {
      if (held) member!.lease = null;
      // A block that was never leased to this worker as such, or is not its any more: the leaves are in, free, or another's.
      return this.#discard(workerId, taskId, block, known ? 'duplicate' : 'stale');
    }
    if (suspicion !== null && !this.#believe(member!, start, end)) {
      this.#discard(workerId, taskId, block, 'bad');
      this.#quarantine(workerId, suspicion);
      return this.#expel(member!, 'poisonous', suspicion);
    }
    for (const other of this.#roster.coHolders(member!)) {
      other.lease = { ...other.lease!, cancelled: true };
      this.#effects.push({ type: 'cancel', workerId: other.id, task: taskId, block });
    }
    member!.lease = null;
    for (let leaf = start; leaf < end; leaf++) phase.missing.delete(leaf);
    this.#restartStall();
    this.#effects.push({ type: 'collect', workerId, task: phase.task, block });
  }

  /**
   * Whether unbelievable values are taken all the same: when another worker found them too, the parameters are to blame and not
   * the worker, and when there is nobody else to ask, the guard over the whole sum decides.
   */
  #believe(member: Member, start: number, end: number): boolean {
    let confirmed = false;
    for (let leaf = start; leaf < end; leaf++) {
      const before = this.#suspected.get(leaf);
      if (before === undefined) this.#suspected.set(leaf, member.id);
      else if (before !== member.id) {
        this.#roster.pardon(before);
        confirmed = true;
      }
    }
    return confirmed || this.readyWorkers - (this.#roster.isReady(member, this.#nowMs) ? 1 : 0) === 0;
  }

  #refuse(task: GradientTask, reason: string): void {
    if (task.attempt === 1) {
      this.#effects.push({ type: 'retry', task, reason });
      this.#phase = this.#open(this.#position, 2);
      return;
    }
    this.#lastRefusal = reason;
    this.#effects.push({ type: 'skip', task, reason });
  }

  #afterSkip(isSaved: boolean | undefined): void {
    this.#consecutiveSkips++;
    if (this.#consecutiveSkips < this.#options.maxConsecutiveSkips) return this.#afterStep(isSaved);
    this.#position = this.#sequence.afterCommit(this.#position.step, this.#stopReason !== null);
    this.#finish(
      'halted',
      `${this.#consecutiveSkips} steps in a row could not be applied, the last because ${this.#lastRefusal}`,
    );
  }

  #afterStep(isSaved = false): void {
    const { checkpointEverySteps, checkpointEveryMs } = this.#options;
    const next = this.#sequence.afterCommit(this.#position.step, this.#stopReason !== null);
    if (isSaved) this.#pendingCheckpoint = 'epoch';
    const isDue =
      (checkpointEverySteps !== null && next.step % checkpointEverySteps === 0) ||
      (checkpointEveryMs !== null && this.#nowMs - this.#checkpointAtMs >= checkpointEveryMs);
    if (isDue) this.#pendingCheckpoint ??= 'interval';
    this.#advance(next);
  }

  #advance(position: Position): void {
    this.#position = position;
    // What is due at this step is part of it: a checkpoint has the evaluations behind it.
    if (this.#pendingCheckpoint !== null && position.due.length === 0) this.#checkpoint(this.#pendingCheckpoint);
    this.#phase = this.#open(position, 1);
  }

  #checkpoint(cause: CheckpointCause): void {
    this.#pendingCheckpoint = null;
    this.#checkpointAt = this.#position;
    this.#checkpointAtMs = this.#nowMs;
    this.#effects.push({ type: 'checkpoint', position: this.#position, cause });
  }

  #open(position: Position, attempt: number): Phase {
    this.#suspected.clear();
    this.#restartStall();
    const isOver = this.#stopReason !== null && position.due.length === 0;
    const next = isOver ? undefined : this.#sequence.taskAt(position);
    if (next === undefined) {
      this.#end('completed', this.#stopReason ?? 'all steps are done');
      return { name: 'finished' };
    }
    const id = this.#nextTaskId++;
    const task: Task = next.kind === 'gradient' ? { ...next, id, attempt } : { ...next, id };
    this.#effects.push({ type: 'open', task });
    const missing = new Set(Array.from({ length: task.leaves }, (_, leaf) => leaf));
    return { name: 'collecting', task, free: new FreeBlocks(task.leaves), missing };
  }

  #finish(outcome: 'interrupted' | 'halted', reason: string): void {
    if (this.finished) return;
    this.#phase = { name: 'finished' };
    this.#end(outcome, reason);
  }

  #end(outcome: 'completed' | 'interrupted' | 'halted', reason: string): void {
    if (this.#checkpointAt !== this.#position) this.#checkpoint('end');
    this.#effects.push({ type: 'finish', outcome, reason });
  }

  /** What the worker holds becomes free again, if it is of the current task and nobody else computes it. */
  #release(member: Member, reason: string): void {
    const { lease } = member;
    const isShared = !this.#roster.coHolders(member).next().done;
    member.lease = null;
    const phase = this.#phase;
    if (lease === null || phase.name !== 'collecting' || phase.task.id !== lease.task) return;
    if (isShared || lease.cancelled) return;
    phase.free.give(lease.block);
    this.#effects.push({ type: 'release', workerId: member.id, task: phase.task, block: lease.block, reason });
  }

  #restartStall(): void {
    this.#progressAtMs = this.#nowMs;
    this.#stallReports = 0;
  }

  /** When it is time to say what keeps the task waiting: later than any healthy worker takes, then ever more rarely. */
  #stallAtMs(): number {
    const phase = this.#phase;
    if (phase.name !== 'collecting') return Infinity;
    const { kind, leaves } = phase.task;
    const { stallAfterMs } = this.#options;
    const { median } = this.#pace[kind];
    // While nobody has done such a leaf yet, nobody knows how long it takes.
    const usualMs = median === undefined ? 6 * stallAfterMs : 2 * median * rootOf(leaves).size;
    return this.#progressAtMs + Math.max(stallAfterMs, usualMs) * 2 ** Math.min(this.#stallReports, 30);
  }

  #reportStall(task: Task, free: FreeBlocks): void {
    this.#stallReports++;
    const waitingFor: Awaited[] = [];
    for (const { id, lease, lostAtMs, silent } of this.#roster) {
      if (lease === null || lease.task !== task.id || lease.cancelled) continue;
      const why = lostAtMs !== null ? 'lost' : silent ? 'silent' : this.#nowMs >= lease.slowAtMs ? 'slow' : 'computing';
      waitingFor.push({ workerId: id, block: lease.block, forMs: this.#nowMs - lease.leasedAtMs, why });
    }
    const forMs = this.#nowMs - this.#progressAtMs;
    this.#effects.push({ type: 'stall', task, forMs, waitingFor, freeLeaves: free.leaves });
  }

  #discard(workerId: WorkerId, task: number, block: Block, reason: 'stale' | 'duplicate' | 'bad'): void {
    this.#effects.push({ type: 'discard', workerId, task, block, reason });
  }

  #assertConcluding(taskId: number, kind: Task['kind']): GradientTask | EvaluationTask {
    const phase = this.#phase;
    if (phase.name !== 'concluding' || phase.task.id !== taskId || phase.task.kind !== kind) {
      throw new Error(`the server concluded ${kind} task ${taskId}, which the coordinator had not asked for`);
    }
    return phase.task;
  }
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}
