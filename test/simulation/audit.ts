import { leavesOf, sameBlock } from '@convoy/numerics/blocks';
import type { CoordinatorEffect, CoordinatorEvent, Holding, Task, WorkerId } from '@convoy/training/coordinator/events';
import type { CoordinatorOptions } from '@convoy/training/coordinator/options';
import type { StartingPoint } from '@convoy/training/coordinator/task-sequence';
import { promise } from './failure.ts';
import type { Machine } from './machine.ts';
import { TrustAudit, type AuditedMember, type HeldLease } from './trust-audit.ts';

type LeafState = 'free' | 'held' | 'in';

/** A silence that was the server's own: it says so itself beyond this. */
const STANDSTILL_MS = 3_000;
/** Ticks come every second. */
const TICK_MS = 1_000;

/**
 * Follows one machine's events and effects and knows from them alone who is a member and who holds what, so that nothing
 * of the machine needs to be shown. After every event: each leaf is in, held or free, and nothing is left undone that
 * could have been ordered.
 */
export class Audit {
  readonly #options: CoordinatorOptions;
  readonly #members = new Map<WorkerId, AuditedMember>();
  readonly #trust: TrustAudit;
  #task: Task | null = null;
  #leaves: LeafState[] = [];
  /** Commit or evaluation ordered, and not answered. */
  #concluding = false;
  #finished = false;
  /** Why nothing is leased. */
  #standstill: 'waiting' | 'paused' | null = null;
  /** An operator has asked for a pause, and not for its end. */
  #isPauseWanted = false;
  /** Commits of the newest checkpoint; null before the first. */
  #savedStep: number | null;
  /** An operator has asked for a checkpoint, and none was ordered since. */
  #owesCheckpoint = false;
  /** What the present event took from its holder without an effect. */
  #dropped: { readonly workerId: WorkerId; readonly lease: HeldLease | null } | null = null;
  #nowMs = -Infinity;
  #awakeMs = 0;
  /** Leases or leaves have changed since they were last counted. */
  #changed = true;

  constructor(options: CoordinatorOptions, { resumed, position }: StartingPoint) {
    this.#options = options;
    this.#savedStep = resumed ? position.step : null;
    this.#trust = new TrustAudit(options, this.#members);
  }

  /** Somebody else than this worker is sure to be asked before what it says is believed, also of a step that was refused. */
  canAskAnother(workerId: WorkerId): boolean {
    return this.#trust.canAskAnother(workerId);
  }

  event(event: CoordinatorEvent, nowMs: number): void {
    const gapMs = nowMs - this.#nowMs;
    if (gapMs <= STANDSTILL_MS) this.#awakeMs += gapMs;
    this.#nowMs = nowMs;
    this.#dropped = null;
    const member = 'workerId' in event ? this.#members.get(event.workerId) : undefined;
    if (member?.connected) member.heardAtMs = this.#awakeMs;
    this.#trust.event(event, nowMs, this.#awakeMs);
    switch (event.type) {
      case 'worker-joined':
        return this.#join(event.workerId, event.origin, event.holding);
      case 'worker-lost':
        if (member === undefined) return;
        if (member.draining) return this.#leave(member);
        member.connected = false;
        member.lostAtMs = this.#awakeMs;
        return;
      case 'worker-left':
        return member && this.#leave(member);
      case 'worker-draining':
        if (member !== undefined) member.draining = true;
        return;
      case 'lease-returned':
        if (member?.lease && isSame(member.lease, event)) this.#drop(member);
        return;
      case 'committed':
      case 'commit-refused':
      case 'evaluated':
        this.#concluding = false;
        this.#task = null;
        return;
      case 'checkpoint-requested':
        this.#owesCheckpoint = true;
        return;
      case 'pause-requested':
      case 'unpause-requested':
        this.#isPauseWanted = event.type === 'pause-requested';
        return;
      case 'parameters-replaced':
        for (const each of this.#members.values()) each.parametersAt = -1;
        return;
    }
  }

  effect(effect: CoordinatorEffect): void {
    promise(!this.#finished, () => `${effect.type} was ordered after the end`);
    this.#trust.effect(effect);
    switch (effect.type) {
      case 'open':
        promise(this.#task === null, () => 'a task was opened before the last was concluded');
        promise(
          !this.#owesCheckpoint || effect.task.kind === 'evaluation' || effect.task.attempt > 1,
          () => `step ${effect.task.step} began without the checkpoint that was asked for`,
        );
        this.#task = effect.task;
        this.#leaves = new Array<LeafState>(effect.task.leaves).fill('free');
        this.#changed = true;
        return;
      case 'send-parameters':
        this.#memberOf(effect.workerId).parametersAt = effect.step;
        return;
      case 'lease':
        return this.#lease(effect);
      case 'cancel': {
        const { lease } = this.#memberOf(effect.workerId);
        promise(lease !== null && isSame(lease, effect), () => `${effect.workerId} was cancelled what it did not hold`);
        lease.wanted = false;
        this.#changed = true;
        return;
      }
      case 'collect':
        return this.#collect(effect);
      case 'discard': {
        const member = this.#members.get(effect.workerId);
        if (effect.reason !== 'bad' && member?.lease && isSame(member.lease, effect)) this.#drop(member);
        return;
      }
      case 'release':
        return this.#release(effect);
      case 'expel': {
        const member = this.#memberOf(effect.workerId);
        if (effect.cause === 'dead') this.#checkDeath(member);
        if (effect.cause === 'hung') {
          const silentMs = this.#awakeMs - member.heardAtMs;
          promise(
            silentMs <= this.#options.suspectAfterMs,
            () => `${member.id} was called hung, silent for ${silentMs} ms`,
          );
        }
        this.#leave(member);
        return;
      }
      case 'commit':
      case 'evaluate':
        promise(this.#task?.id === effect.task.id, () => `${effect.type} of a task that is not open`);
        promise(
          this.#leaves.every((state) => state === 'in'),
          () => `${effect.type} with ${this.#leaves.filter((state) => state !== 'in').length} leaves missing`,
        );
        this.#concluding = true;
        return;
      case 'checkpoint':
        promise(
          effect.cause !== 'requested' || this.#owesCheckpoint || this.#isPauseWanted,
          () => 'a checkpoint was made by request, and nobody had asked for one',
        );
        this.#owesCheckpoint = false;
        this.#savedStep = effect.position.step;
        return;
      case 'pause':
        this.#checkPause(effect.step);
        this.#standstill = 'paused';
        return;
      case 'wait':
      case 'resume':
        this.#standstill = effect.type === 'wait' ? 'waiting' : null;
        return;
      case 'stall':
        promise(this.#standstill === null, () => 'somebody is waited for, and nobody is to compute anything');
        return;
      case 'finish':
        this.#finished = true;
    }
  }

  /** When an event has been dealt with. */
  settled(machine: Machine): void {
    const { wakeAtMs } = machine;
    promise(wakeAtMs > this.#nowMs, () => `the machine wants to be woken at ${wakeAtMs}, which is not in the future`);
    this.#checkAbsences();
    if (this.#task === null || this.#concluding || this.#finished) return;
    if (this.#changed) this.#checkCover(this.#task);
    const ready = machine.readyWorkers;
    const due = this.#mayPause(this.#task) ? 'paused' : ready < this.#options.minWorkers ? 'waiting' : null;
    promise(this.#standstill === due, () => `with ${ready} ready it is ${this.#standstill}, and should be ${due}`);
    if (this.#standstill === 'paused') {
      promise(!this.#owesCheckpoint, () => 'a checkpoint was asked for in a pause, and not made');
    }
    if (this.#standstill !== null) return;
    this.#trust.settled(this.#task, this.#leaves.includes('free'));
    if (!this.#leaves.includes('free') || this.#trust.isChoosy(this.#task)) return;
    let busy = 0;
    for (const { connected, lease } of this.#members.values()) if (connected && lease !== null) busy++;
    promise(ready <= busy, () => `of ${ready} ready workers ${busy} are busy, and leaves are free`);
  }

  /** A pause is wanted, and the open task is a step that nobody has begun. */
  #mayPause(task: Task): boolean {
    const isUntouched = this.#leaves.every((state) => state === 'free');
    return this.#isPauseWanted && task.kind === 'gradient' && task.attempt === 1 && isUntouched;
  }

  /** Between two steps, when somebody wants it, with a checkpoint of what there is. */
  #checkPause(step: number): void {
    promise(
      this.#task !== null && this.#mayPause(this.#task),
      () => 'a pause began in the middle of a task, or unasked',
    );
    promise(step === this.#task!.step, () => `a pause says it is after step ${step}, not ${this.#task!.step}`);
    promise(this.#savedStep === step, () => `a pause began after step ${step} without its checkpoint`);
  }

  #memberOf(id: WorkerId): AuditedMember {
    const member = this.#members.get(id);
    promise(member !== undefined, () => `${id} was ordered about, and is no member`);
    return member;
  }

  #join(id: WorkerId, origin: string, holding: Holding | null): void {
    let member = this.#members.get(id);
    if (member === undefined) {
      member = {
        id,
        origin,
        connected: true,
        draining: false,
        parametersAt: -1,
        lease: null,
        heardAtMs: this.#awakeMs,
        lostAtMs: Infinity,
      };
      this.#members.set(id, member);
      this.#trust.joined(member);
    }
    member.origin = origin;
    member.connected = true;
    member.parametersAt = -1;
    member.heardAtMs = this.#awakeMs;
    member.lostAtMs = Infinity;
    if (member.lease !== null && (holding === null || !isSame(member.lease, holding))) this.#drop(member);
    // Until it is told otherwise, it goes on with what it brings; nobody waits for it.
    if (holding !== null) member.lease ??= { ...holding, wanted: false, sinceMs: this.#awakeMs };
  }

  #leave(member: AuditedMember): void {
    this.#drop(member);
    this.#members.delete(member.id);
  }

  #drop(member: AuditedMember): void {
    if (member.lease === null) return;
    this.#dropped = { workerId: member.id, lease: member.lease };
    member.lease = null;
    this.#changed = true;
  }

  #lease({ workerId, task, block, instead }: Extract<CoordinatorEffect, { type: 'lease' }>): void {
    const member = this.#memberOf(workerId);
    promise(task.id === this.#task?.id, () => `${workerId} was leased a block of a task that is not open`);
    promise(this.#standstill === null, () => `${workerId} was leased a block while the run is ${this.#standstill}`);
    promise(member.lease === null, () => `${workerId} was leased a second block`);
    promise(member.connected && !member.draining, () => `${workerId} was leased a block, and is not there to take it`);
    promise(
      member.parametersAt === task.step,
      () =>
        `${workerId} was leased a block of step ${task.step} on a connection with parameters of ${member.parametersAt}`,
    );
    const { start, end } = leavesOf(block, task.leaves);
    promise(start < end, () => 'a block without leaves was leased');
    const expected = instead === null ? 'free' : 'held';
    for (let leaf = start; leaf < end; leaf++) {
      promise(
        this.#leaves[leaf] === expected,
        () => `leaf ${leaf} was leased as ${expected}, and is ${this.#leaves[leaf]}`,
      );
      this.#leaves[leaf] = 'held';
    }
    if (instead !== null) {
      const covered = this.#memberOf(instead).lease;
      promise(
        covered !== null && sameBlock(covered.block, block),
        () => `${instead} does not hold what ${workerId} covers`,
      );
    }
    member.lease = { task: task.id, block, wanted: true, sinceMs: this.#awakeMs };
    this.#changed = true;
  }

  #collect({ workerId, task, block }: Extract<CoordinatorEffect, { type: 'collect' }>): void {
    const member = this.#memberOf(workerId);
    promise(task.id === this.#task?.id, () => `a result of a task that is not open was collected`);
    promise(
      member.lease !== null && member.lease.wanted && isSame(member.lease, { task: task.id, block }),
      () => `${workerId}'s result was collected for a block that it does not hold`,
    );
    const { start, end } = leavesOf(block, task.leaves);
    for (let leaf = start; leaf < end; leaf++) {
      promise(this.#leaves[leaf] === 'held', () => `leaf ${leaf} was collected, and is ${this.#leaves[leaf]}`);
      this.#leaves[leaf] = 'in';
    }
    member.lease = null;
    this.#changed = true;
  }

  #release({ workerId, task, block }: Extract<CoordinatorEffect, { type: 'release' }>): void {
    const member = this.#members.get(workerId);
    const lease = this.#dropped?.workerId === workerId ? this.#dropped.lease : (member?.lease ?? null);
    promise(
      lease !== null && lease.wanted && isSame(lease, { task: task.id, block }) && task.id === this.#task?.id,
      () => `a block was released that ${workerId} does not hold`,
    );
    if (member?.lease === lease) member!.lease = null;
    const { start, end } = leavesOf(block, task.leaves);
    for (let leaf = start; leaf < end; leaf++) this.#leaves[leaf] = 'free';
    this.#changed = true;
  }

  /** Every leaf is in, or free, or held by workers that hold the same block. */
  #checkCover(task: Task): void {
    this.#changed = false;
    const holders = new Array<number>(task.leaves).fill(0);
    for (const { lease } of this.#members.values()) {
      if (lease === null || !lease.wanted || lease.task !== task.id) continue;
      const { start, end } = leavesOf(lease.block, task.leaves);
      for (let leaf = start; leaf < end; leaf++) holders[leaf]!++;
    }
    let missing = 0;
    for (let leaf = 0; leaf < task.leaves; leaf++) {
      const state = this.#leaves[leaf];
      const count = holders[leaf]!;
      promise(
        state === 'held' ? count >= 1 : count === 0,
        () => `leaf ${leaf} is ${state}, and ${count} workers hold it`,
      );
      if (state !== 'in') missing++;
    }
    promise(missing > 0, () => 'all leaves are in, and nobody was told to conclude');
  }

  /** Nobody is sent away as dead for a silence in which the server itself did not listen. */
  #checkDeath({ id, connected, heardAtMs, lostAtMs }: AuditedMember): void {
    const silentMs = this.#awakeMs - (connected ? heardAtMs : lostAtMs);
    const allowedMs = connected ? this.#options.deadAfterMs : this.#options.graceMs;
    // The machine's own times may have fractions, and sums of them a rounding error.
    promise(silentMs > allowedMs - 1, () => `${id} was called dead after ${silentMs} ms of ${allowedMs}`);
  }

  /** Who is gone is forgotten in time: what a machine remembers is bounded. */
  #checkAbsences(): void {
    if (this.#finished) return;
    const { graceMs, deadAfterMs } = this.#options;
    for (const { id, connected, heardAtMs, lostAtMs } of this.#members.values()) {
      const atMs = connected ? heardAtMs + deadAfterMs : lostAtMs + graceMs;
      promise(this.#awakeMs <= atMs + TICK_MS, () => `${id} is away, and still a member`);
    }
  }
}

function isSame(a: Holding, b: Holding): boolean {
  return a.task === b.task && sameBlock(a.block, b.block);
}
