import { leavesOf, sameBlock } from '@convoy/numerics/blocks';
import type { Block } from '@convoy/protocol/messages';
import type { CoordinatorEffect, CoordinatorEvent, Holding, Task, WorkerId } from '@convoy/training/coordinator/events';
import type { CoordinatorOptions } from '@convoy/training/coordinator/options';
import { promise } from './failure.ts';

export interface HeldLease extends Holding {
  wanted: boolean;
  /** On the clock of the time in which the server did not stand still. */
  readonly sinceMs: number;
}

export interface AuditedMember {
  readonly id: WorkerId;
  origin: string;
  connected: boolean;
  draining: boolean;
  /** Step of the parameters sent on this connection; −1 before the first. */
  parametersAt: number;
  lease: HeldLease | null;
  /** On the clock of the time in which the server did not stand still. */
  heardAtMs: number;
  lostAtMs: number;
}

/** Unbelievable values that somebody returned. */
interface Testimony {
  readonly id: WorkerId;
  readonly origin: string;
  readonly isConfirmed: boolean;
  readonly block: Block;
}

/** Ticks come every second. */
const TICK_MS = 1_000;

/**
 * Whom a coordinator believes, and whom it gives what others failed at. It knows less than the machine does of who is ready, so it
 * holds it only to what is certain: a worker is sure to be asked that is there, heard of, and has never been in quarantine nor come
 * from an address that was.
 */
export class TrustAudit {
  readonly #options: CoordinatorOptions;
  readonly #members: ReadonlyMap<WorkerId, AuditedMember>;
  readonly #confirmed = new Set<AuditedMember>();
  readonly #silent = new Set<AuditedMember>();
  readonly #quarantined = new Set<string>();
  readonly #contributors = new Set<AuditedMember>();
  #testimonies: Testimony[] = [];
  /** What the present event brings is unbelievable. */
  #isIncredible = false;
  /** The longest that a lease has taken. */
  #slowestMs = 0;
  /** Until when newcomers from an address get nothing, and those who came under it. */
  readonly #banned = new Map<string, number>();
  readonly #newcomers = new Map<AuditedMember, number>();
  #task: Task | null = null;
  #nowMs = 0;
  #awakeMs = 0;
  /** How long the last quarantine was. */
  #lastForMs = 0;

  /** @param members kept up to date by whoever calls. */
  constructor(options: CoordinatorOptions, members: ReadonlyMap<WorkerId, AuditedMember>) {
    this.#options = options;
    this.#members = members;
  }

  /** @param awakeMs on the clock of the time in which the server did not stand still. */
  event(event: CoordinatorEvent, nowMs: number, awakeMs: number): void {
    this.#nowMs = nowMs;
    this.#awakeMs = awakeMs;
    this.#isIncredible = event.type === 'result-received' && event.suspicion !== null;
    if (event.type === 'committed') for (const member of this.#contributors) this.#confirmed.add(member);
    if (event.type === 'result-received') this.#clock(event.workerId, event.task, event.block);
    if (event.type !== 'worker-joined') return;
    const known = this.#members.get(event.workerId);
    if (known !== undefined && known.origin !== event.origin) this.#confirmed.delete(known);
  }

  /** A worker is a member from now on that was none. */
  joined(member: AuditedMember): void {
    this.#newcomers.set(member, this.#banned.get(member.origin) ?? -Infinity);
  }

  effect(effect: CoordinatorEffect): void {
    switch (effect.type) {
      case 'open':
        this.#task = effect.task;
        this.#testimonies = [];
        this.#contributors.clear();
        return;
      case 'suspect':
      case 'recover': {
        const member = this.#members.get(effect.workerId)!;
        if (effect.type === 'suspect') this.#silent.add(member);
        else this.#silent.delete(member);
        return;
      }
      case 'quarantine': {
        // Who has left is put in quarantine, too.
        this.#quarantined.add(effect.workerId);
        this.#lastForMs = effect.forMs;
        const member = this.#members.get(effect.workerId);
        if (member !== undefined) this.#confirmed.delete(member);
        return;
      }
      case 'expel':
        this.#newcomers.delete(this.#members.get(effect.workerId)!);
        if (effect.cause === 'poisonous') this.#ban(this.#members.get(effect.workerId)!.origin);
        return;
      case 'discard': {
        if (effect.reason !== 'bad') return;
        return this.#testify(this.#members.get(effect.workerId)!, effect.block);
      }
      case 'lease':
        return this.#lease(effect);
      case 'collect':
        return this.#collect(effect);
    }
  }

  /** The task is for those that have proved themselves alone. */
  isChoosy(task: Task): boolean {
    return task.kind === 'gradient' && task.attempt > 1 && this.#isAnybodyConfirmed;
  }

  get #isAnybodyConfirmed(): boolean {
    for (const member of this.#confirmed) if (this.#isMember(member) && !member.draining) return true;
    return false;
  }

  get #idleAndProven(): AuditedMember | undefined {
    return [...this.#confirmed].find((member) => member.lease === null && this.#isSurelyReady(member));
  }

  canAskAnother(workerId: WorkerId): boolean {
    const { kind } = this.#task!;
    for (const member of this.#confirmed) {
      if (member.id !== workerId && kind === 'gradient' && this.#isSurelyReady(member)) return true;
    }
    return false;
  }

  /** When nothing more is ordered: whoever has proved itself is not idle while others keep the step waiting. */
  settled(task: Task, hasFree: boolean): void {
    const idle = this.#idleAndProven;
    if (idle === undefined) return;
    promise(!hasFree, () => `${idle.id} has proved itself and is idle, and leaves are free`);
    for (const { lease } of this.#members.values()) {
      if (lease === null || !lease.wanted || lease.task !== task.id) continue;
      const sinceMs = Math.max(...this.#holdersOf(lease.block).map((holder) => holder.lease!.sinceMs));
      const allowedMs = this.#longestDeadlineMs(task, lease.block) + TICK_MS;
      promise(
        this.#awakeMs - sinceMs <= allowedMs,
        () => `block ${lease.block.start} has been late for long, and ${idle.id}, which has proved itself, is idle`,
      );
    }
  }

  #lease({ workerId, task, block }: Extract<CoordinatorEffect, { type: 'lease' }>): void {
    const member = this.#members.get(workerId)!;
    const isConfirmed = this.#confirmed.has(member);
    const bannedUntilMs = this.#newcomers.get(member) ?? -Infinity;
    promise(this.#nowMs >= bannedUntilMs, () => `${workerId} was leased a block, and lies have come from its address`);
    promise(
      isConfirmed || !this.isChoosy(task),
      () => `${workerId} was leased what was refused, and has proved nothing`,
    );
    promise(
      isConfirmed || this.#holdersOf(block).length < 2 || this.#idleAndProven === undefined,
      () => `${workerId} is the third to compute a block and has proved nothing, though others have`,
    );
  }

  #collect({ workerId, block, task }: Extract<CoordinatorEffect, { type: 'collect' }>): void {
    const member = this.#members.get(workerId)!;
    this.#contributors.add(member);
    if (!this.#isIncredible) return;
    // Whoever said the same before has not lied.
    this.#banned.clear();
    this.#newcomers.clear();
    this.#testify(member, block);
    const same = this.#testimonies.filter((one) => overlap(one.block, block, task.leaves) && one.id !== workerId);
    if (same.some(({ origin }) => origin !== member.origin)) return;
    const isFirst = task.kind === 'evaluation' || task.attempt === 1;
    const isProven = this.#confirmed.has(member);
    if (isFirst && same.some(({ isConfirmed }) => (isConfirmed && isProven) || !this.#isAnybodyConfirmed)) return;
    for (const other of this.#members.values()) {
      const isAble = this.#isSurelyReady(other) && (!this.isChoosy(task) || this.#confirmed.has(other));
      promise(
        !isAble || this.#testimonies.some(({ id }) => id === other.id),
        () => `${workerId} was believed, and only its own machine found the same, though ${other.id} could be asked`,
      );
    }
  }

  #testify(member: AuditedMember, block: Block): void {
    const { id, origin } = member;
    this.#testimonies.push({ id, origin, isConfirmed: this.#confirmed.has(member), block });
  }

  /** How long a lease took whose result arrives: deadlines follow from the median of those. */
  #clock(workerId: WorkerId, task: number, block: Block): void {
    const lease = this.#members.get(workerId)?.lease ?? null;
    if (lease?.task !== task || !sameBlock(lease.block, block)) return;
    this.#slowestMs = Math.max(this.#slowestMs, this.#awakeMs - lease.sinceMs);
  }

  /** Twice the median of a leaf, at most; no leaf has taken longer than the longest lease. */
  #longestDeadlineMs({ leaves }: Task, block: Block): number {
    const { minDeadlineMs, maxDeadlineMs } = this.#options;
    const { start, end } = leavesOf(block, leaves);
    return Math.max(minDeadlineMs, maxDeadlineMs, 2 * this.#slowestMs * (end - start));
  }

  #holdersOf(block: Block): readonly AuditedMember[] {
    return [...this.#members.values()].filter(
      ({ lease }) => lease !== null && lease.wanted && lease.task === this.#task?.id && sameBlock(lease.block, block),
    );
  }

  /** Newcomers from there get nothing for as long as the liar that was just put in quarantine. */
  #ban(origin: string): void {
    this.#quarantined.add(origin);
    this.#banned.set(origin, Math.max(this.#banned.get(origin) ?? -Infinity, this.#nowMs + this.#lastForMs));
  }

  #isMember(member: AuditedMember): boolean {
    return this.#members.get(member.id) === member;
  }

  #isSurelyReady(member: AuditedMember): boolean {
    if (!this.#isMember(member) || !member.connected || member.draining || this.#silent.has(member)) return false;
    return !this.#quarantined.has(member.id) && !this.#quarantined.has(member.origin);
  }
}

function overlap(a: Block, b: Block, leaves: number): boolean {
  const [one, other] = [leavesOf(a, leaves), leavesOf(b, leaves)];
  return one.start < other.end && other.start < one.end;
}
