import type { Block } from '@convoy/protocol/messages';
import { FreeBlocks, floorPowerOfTwo, leavesOf } from '@convoy/numerics/blocks';
import { Deadlines } from './deadlines.ts';
import type { Awaited, Holding, Task, WorkerId } from './events.ts';
import { lateTwiceAtMs, sameHolding, type Member } from './member.ts';
import type { Membership } from './membership.ts';
import type { CoordinatorOptions } from './options.ts';
import { StallWatch } from './stall-watch.ts';
import type { Turn } from './turn.ts';

/** The task whose blocks are being leased and collected. */
interface OpenTask {
  readonly task: Task;
  readonly free: FreeBlocks;
  readonly missing: Set<number>;
  /** What was unbelievable, and who said so. */
  readonly testimonies: Testimony[];
  /** Who gave an uncancelled lease of this task back: nobody does that who has something to say. */
  readonly refusers: Set<WorkerId>;
  /** Whose results are in. */
  readonly contributors: Set<Member>;
}

/** Somebody returned unbelievable values for these leaves. */
interface Testimony {
  readonly workerId: WorkerId;
  readonly origin: string;
  readonly isConfirmed: boolean;
  readonly start: number;
  readonly end: number;
}

/** Who computes which blocks of the open task: leases, deadlines, second leases for the slow, and the results that come in. */
export class Leasing {
  readonly #turn: Turn;
  readonly #membership: Membership;
  readonly #deadlines: Deadlines;
  readonly #stall: StallWatch;
  #open: OpenTask | null = null;
  /** Whose results the last task was concluded with. */
  #contributors: ReadonlySet<Member> = new Set();

  constructor(options: CoordinatorOptions, turn: Turn, membership: Membership) {
    this.#turn = turn;
    this.#membership = membership;
    this.#deadlines = new Deadlines(options, turn);
    this.#stall = new StallWatch(options.stallAfterMs);
  }

  /** The task that is being collected; null between tasks. */
  get task(): Task | null {
    return this.#open?.task ?? null;
  }

  /** All leaves of the open task are in. */
  get isComplete(): boolean {
    return this.#open?.missing.size === 0;
  }

  /** Nobody holds a block of the open task, and nothing of it is in. */
  get isUntouched(): boolean {
    return this.#open !== null && this.#open.free.leaves === this.#open.task.leaves;
  }

  open(task: Task): void {
    this.restartStall();
    this.#turn.order({ type: 'open', task });
    this.#open = {
      task,
      free: new FreeBlocks(task.leaves),
      missing: new Set(Array.from({ length: task.leaves }, (_, leaf) => leaf)),
      testimonies: [],
      refusers: new Set(),
      contributors: new Set(),
    };
  }

  /** Nothing more is leased or collected of the open task. */
  close(): void {
    this.#contributors = this.#open?.contributors ?? new Set();
    this.#open = null;
  }

  /** The task that was closed last was committed: whoever contributed has proved itself. */
  confirm(): void {
    for (const member of this.#contributors) this.#membership.confirm(member);
  }

  // ── Giving ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Gives every idle worker a block, or the block of a straggler as well. @param ready how many there are that may be given work. */
  assign(ready: number): void {
    const open = this.#open;
    if (open === null) return;
    const isChoosy = this.#isChoosy(open.task);
    const workers = isChoosy ? this.#able(open.task).length : ready;
    let late: readonly Member[] | null = null;
    for (const member of this.#membership) {
      if (member.lease !== null || !this.#membership.isReady(member) || (isChoosy && !member.isConfirmed)) continue;
      const block = open.free.take(this.#leaseSize(member, open.task, workers));
      if (block !== undefined) {
        this.#lease(member, open.task, block, null);
        continue;
      }
      // Hundreds may be idle at a step's end, and hardly anybody is late: looked for once, and again after each new lease.
      late ??= this.#lateHolders(open.task);
      const straggler = this.#stragglerFor(member, late);
      if (straggler === null) continue;
      this.#lease(member, open.task, straggler.lease!.block, straggler.id);
      late = null;
    }
  }

  /** A step that was refused is for those that have proved themselves, while there are any. */
  #isChoosy(task: Task): boolean {
    return task.kind === 'gradient' && task.attempt > 1 && this.#membership.hasConfirmed;
  }

  /** Ready workers that may compute a task. */
  #able(task: Task): readonly Member[] {
    const ready = [...this.#membership].filter((member) => this.#membership.isReady(member));
    return this.#isChoosy(task) ? ready.filter(({ isConfirmed }) => isConfirmed) : ready;
  }

  /** Leaves per lease: as few uploads as possible, no larger than the busiest worker's share must be, and less for the slow. */
  #leaseSize(member: Member, { leaves, kind }: Task, workers: number): number {
    return this.#deadlines.bearableSize(member, kind, floorPowerOfTwo(Math.max(1, Math.ceil(leaves / workers))));
  }

  #lease(member: Member, task: Task, block: Block, instead: WorkerId | null): void {
    if (member.parametersAt !== task.step) {
      member.parametersAt = task.step;
      this.#turn.order({ type: 'send-parameters', workerId: member.id, step: task.step });
    }
    const { start, end } = leavesOf(block, task.leaves);
    const hangs = this.#membership.hangsOf(member.id);
    member.lease = this.#deadlines.leaseOf(member, { task: task.id, block }, task.kind, end - start, hangs);
    this.#turn.order({ type: 'lease', workerId: member.id, task, block, instead });
  }

  #lateHolders(task: Task): readonly Member[] {
    return [...this.#membership].filter((holder) => {
      const { lease } = holder;
      if (lease === null || lease.cancelled || lease.task !== task.id) return false;
      return this.#deadlines.mayBeLate(holder, lease);
    });
  }

  /** The holder whose block this idle worker should compute as well: the one that keeps the step waiting longest. */
  #stragglerFor(idle: Member, late: readonly Member[]): Member | null {
    let straggler: Member | null = null;
    let latestMs = -Infinity;
    for (const holder of late) {
      const expectedMs = this.#deadlines.expectedEndMs(holder, holder.lease!, idle);
      if (expectedMs <= latestMs) continue;
      if (!this.#mayBeCovered(holder, idle)) continue;
      latestMs = expectedMs;
      straggler = holder;
    }
    return straggler;
  }

  /**
   * One copy of a block is enough, unless all who hold it are late: then whoever has proved itself takes it as well. Where nobody of
   * those will come, whoever is idle does after two deadlines, and as many as there are: some of them mean it.
   */
  #mayBeCovered(holder: Member, idle: Member): boolean {
    const others = [...this.#membership.coHolders(holder)];
    if (others.length === 0) return true;
    const holders = [holder, ...others];
    if (idle.isConfirmed) return holders.every((each) => this.#deadlines.isOverdue(each, each.lease!));
    return !this.#isHelpComing && holders.some(({ lease }) => this.#turn.nowMs >= lateTwiceAtMs(lease!));
  }

  /** Somebody who has proved itself is idle, or will soon be. */
  get #isHelpComing(): boolean {
    return [...this.#membership].some((member) => {
      if (!member.isConfirmed || !this.#membership.isReady(member)) return false;
      return member.lease === null || !this.#deadlines.isOverdue(member, member.lease);
    });
  }

  // ── Taking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a worker that joined brings along: nothing, what it was leased on an older connection, or what nobody wants any more. */
  recall(member: Member, holding: Holding | null): void {
    if (member.lease !== null && (holding === null || !sameHolding(member.lease, holding))) {
      this.release(member, 'it came back without it');
    }
    if (holding === null) return;
    const hangs = this.#membership.hangsOf(member.id);
    // What it brings along and nobody wants keeps it busy until it gives it up.
    member.lease ??= {
      ...this.#deadlines.leaseOf(member, holding, 'gradient', holding.block.size, hangs),
      cancelled: true,
    };
    if (member.lease.cancelled) this.#turn.order({ type: 'cancel', workerId: member.id, ...holding });
  }

  /** A worker gives its lease up: nobody does that unless it was cancelled. */
  giveBack(workerId: WorkerId, holding: Holding): void {
    const member = this.#membership.get(workerId);
    if (!member?.lease || !sameHolding(member.lease, holding)) return;
    const { cancelled, task } = member.lease;
    this.release(member, 'returned');
    if (cancelled) return;
    if (this.#open?.task.id === task) this.#open.refusers.add(workerId);
    // Who is idle gets work at once: one that gives back whatever it gets would keep a step for itself for ever.
    this.#membership.quarantine(member, 'it returns its leases');
  }

  /** What the worker holds becomes free again, if it is of the open task and nobody else computes it. */
  release(member: Member, reason: string): void {
    const { lease } = member;
    const isShared = !this.#membership.coHolders(member).next().done;
    member.lease = null;
    const open = this.#open;
    if (lease === null || open === null || open.task.id !== lease.task) return;
    if (isShared || lease.cancelled) return;
    open.free.give(lease.block);
    this.#turn.order({ type: 'release', workerId: member.id, task: open.task, block: lease.block, reason });
  }

  /** A well-formed result has arrived. */
  collect(workerId: WorkerId, holding: Holding, suspicion: string | null): void {
    const { task: taskId, block } = holding;
    const member = this.#membership.get(workerId);
    const lease = member?.lease ?? null;
    const held = lease !== null && sameHolding(lease, holding);
    const open = this.#open;
    if (held && suspicion === null && this.#deadlines.note(member!, lease)) this.#revise(lease.kind);
    if (open === null || open.task.id !== taskId) {
      if (held) member!.lease = null;
      return this.#discard(workerId, holding, 'stale');
    }
    const { start, end } = leavesOf(block, open.task.leaves);
    let known = start < end;
    for (let leaf = start; leaf < end; leaf++) if (open.missing.has(leaf)) known = false;
    if (!held || lease.cancelled || known) {
      if (held) member!.lease = null;
      // A block that was never leased to this worker as such, or is not its any more: the leaves are in, free, or another's.
      return this.#discard(workerId, holding, known ? 'duplicate' : 'stale');
    }
    if (suspicion !== null && !this.#believe(member!, open, start, end)) {
      this.#discard(workerId, holding, 'bad');
      this.#membership.quarantine(member!, suspicion, true);
      return this.#membership.expel(member!, 'poisonous', suspicion);
    }
    this.#take(member!, open, block);
  }

  /** Somebody has shown how long a leaf takes. */
  #revise(kind: Task['kind']): void {
    for (const member of this.#membership) {
      if (member.lease?.kind === kind) member.lease = this.#deadlines.revised(member.lease);
    }
  }

  #take(member: Member, { task, missing, contributors }: OpenTask, block: Block): void {
    for (const other of this.#membership.coHolders(member)) {
      other.lease = { ...other.lease!, cancelled: true };
      this.#turn.order({ type: 'cancel', workerId: other.id, task: task.id, block });
    }
    member.lease = null;
    const { start, end } = leavesOf(block, task.leaves);
    for (let leaf = start; leaf < end; leaf++) missing.delete(leaf);
    contributors.add(member);
    this.restartStall();
    this.#turn.order({ type: 'collect', workerId: member.id, task, block });
  }

  /**
   * Whether unbelievable values are taken all the same: when a second witness found them too, the parameters are to blame and not
   * the worker, and when there is nobody else to ask, the guard over the whole sum decides.
   */
  #believe(member: Member, { task, testimonies, refusers }: OpenTask, start: number, end: number): boolean {
    const { id: workerId, origin, isConfirmed } = member;
    testimonies.push({ workerId, origin, isConfirmed, start, end });
    const others = testimonies.filter((one) => one.workerId !== workerId && one.start < end && start < one.end);
    const isWitnessed = others.some((one) => one.origin !== origin || this.#areTwo(one, member, task));
    // Nobody is left who has seen something else, of any leaf, or would look.
    const isLast = this.#able(task).every(
      ({ id }) => refusers.has(id) || testimonies.some((one) => one.workerId === id),
    );
    if (!isWitnessed && !isLast) return false;
    for (const one of others) this.#membership.pardon(one.workerId, one.origin);
    return true;
  }

  /**
   * Two workers of one address may be one liar under two names, unless both have proved themselves, or nobody has yet. If that was
   * wrong it costs a first attempt; a second attempt believes no address alone.
   */
  #areTwo(one: Testimony, other: Member, task: Task): boolean {
    if (task.kind === 'gradient' && task.attempt > 1) return false;
    return (one.isConfirmed && other.isConfirmed) || !this.#membership.hasConfirmed;
  }

  #discard(workerId: WorkerId, { task, block }: Holding, reason: 'stale' | 'duplicate' | 'bad'): void {
    this.#turn.order({ type: 'discard', workerId, task, block, reason });
  }

  // ── Waiting ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What has come in, or that the run stood still, makes an end of a stall. */
  restartStall(): void {
    this.#stall.restart(this.#turn.nowMs);
  }

  /** So much time does not count. */
  forgive(ms: number): void {
    this.#stall.forgive(ms);
  }

  /** When it is time to say what keeps the open task waiting. */
  get stallAtMs(): number {
    const task = this.task;
    return task === null ? Infinity : this.#stall.dueAtMs(task, this.#deadlines.usualMs(task.kind));
  }

  /** Says who is waited for. */
  reportStall(): void {
    const open = this.#open;
    if (open === null) return;
    const { task, free } = open;
    const { nowMs } = this.#turn;
    const waitingFor: Awaited[] = [];
    for (const { id, lease, lostAtMs, silent } of this.#membership) {
      if (lease === null || lease.task !== task.id || lease.cancelled) continue;
      const why = lostAtMs !== null ? 'lost' : silent ? 'silent' : nowMs >= lease.slowAtMs ? 'slow' : 'computing';
      waitingFor.push({ workerId: id, block: lease.block, forMs: nowMs - lease.leasedAtMs, why });
    }
    this.#turn.order({ type: 'stall', task, forMs: this.#stall.report(nowMs), waitingFor, freeLeaves: free.leaves });
  }
}
