import type { Block } from '@convoy/protocol/messages';
import { sameBlock } from '@convoy/numerics/blocks';
import type { Holding, WorkerId } from './events.ts';
import { Pace } from './pace.ts';

/** A worker's newest times that decide how fast it is. */
const OWN_TIMES = 8;
/** Own times before they are believed. */
const TIMES_TO_JUDGE = 3;
/** Forgotten beyond this many: bounds what strangers can make the machine remember. */
const MAX_RECORDS = 1_024;

/** A block that a worker was given to compute. */
export interface WorkerLease extends Holding {
  readonly kind: 'gradient' | 'evaluation';
  readonly leaves: number;
  readonly leasedAtMs: number;
  /** From here on it is slow, and the block may be leased to another as well. */
  readonly slowAtMs: number;
  /** From here on the worker is hung. */
  readonly hungAtMs: number;
  /** Its result is not wanted any more. */
  readonly cancelled: boolean;
}

/** One member of the run, as the machine sees it. */
export interface Member {
  readonly id: WorkerId;
  /** The version of the parameters it was sent last on this connection; −1 before the first. */
  parametersAt: number;
  lease: WorkerLease | null;
  draining: boolean;
  heardAtMs: number;
  /** Silent for longer than usual. */
  silent: boolean;
  /** When its connection broke; null while it is connected. */
  lostAtMs: number | null;
  readonly pace: { readonly gradient: Pace; readonly evaluation: Pace };
}

/** What is remembered of a worker that gave trouble, also while it is away. */
interface Conduct {
  /** Since the last pardon. */
  offences: number;
  lastOffenceMs: number;
  /** How often it was hung: not forgotten with time, for what is taken for hanging may take longer than that. */
  hangs: number;
  quarantinedUntilMs: number;
  /** Times at which its connection broke. */
  losses: number[];
}

export interface RosterOptions {
  readonly quarantineMs: number;
  readonly maxQuarantineMs: number;
  /** An offence is forgotten after this long without another. */
  readonly pardonAfterMs: number;
  /** More broken connections than this within `flapWindowMs` are an offence. */
  readonly maxFlaps: number;
  readonly flapWindowMs: number;
}

export const DEFAULT_ROSTER_OPTIONS: RosterOptions = {
  quarantineMs: 1_000,
  maxQuarantineMs: 60_000,
  pardonAfterMs: 600_000,
  maxFlaps: 5,
  flapWindowMs: 60_000,
};

/** The members of a run in their order of joining, and the records of those who gave trouble. */
export class Roster implements Iterable<Member> {
  readonly #options: RosterOptions;
  readonly #members = new Map<WorkerId, Member>();
  readonly #records = new Map<WorkerId, Conduct>();

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  [Symbol.iterator](): IterableIterator<Member> {
    return this.#members.values();
  }

  get(id: WorkerId): Member | undefined {
    return this.#members.get(id);
  }

  add(id: WorkerId, nowMs: number): Member {
    const member: Member = {
      id,
      parametersAt: -1,
      lease: null,
      draining: false,
      heardAtMs: nowMs,
      silent: false,
      lostAtMs: null,
      pace: { gradient: new Pace(OWN_TIMES), evaluation: new Pace(OWN_TIMES) },
    };
    this.#members.set(id, member);
    return member;
  }

  remove(id: WorkerId): void {
    this.#members.delete(id);
  }

  /** May be given work: connected, heard of, staying, and not in quarantine. */
  isReady(member: Member, nowMs: number): boolean {
    return !member.draining && !member.silent && member.lostAtMs === null && !this.isQuarantined(member.id, nowMs);
  }

  countReady(nowMs: number): number {
    let ready = 0;
    for (const member of this) if (this.isReady(member, nowMs)) ready++;
    return ready;
  }

  /** Others that hold the same block of the same task, and are to deliver it. */
  *coHolders({ id, lease }: Member): Generator<Member> {
    if (lease === null) return;
    for (const other of this) {
      if (other.id === id || other.lease === null || other.lease.cancelled) continue;
      if (sameHolding(other.lease, lease)) yield other;
    }
  }

  isQuarantined(id: WorkerId, nowMs: number): boolean {
    return nowMs < this.quarantinedUntilMs(id);
  }

  quarantinedUntilMs(id: WorkerId): number {
    return this.#records.get(id)?.quarantinedUntilMs ?? -Infinity;
  }

  /** Puts a worker in quarantine, each time for twice as long. @returns for how long. */
  offend(id: WorkerId, nowMs: number): number {
    const { quarantineMs, maxQuarantineMs, pardonAfterMs } = this.#options;
    const record = this.#recordOf(id);
    if (nowMs - record.lastOffenceMs > pardonAfterMs) record.offences = 0;
    record.offences++;
    record.lastOffenceMs = nowMs;
    const forMs = Math.min(maxQuarantineMs, quarantineMs * 2 ** Math.min(record.offences - 1, 30));
    record.quarantinedUntilMs = nowMs + forMs;
    return forMs;
  }

  noteHang(id: WorkerId): void {
    this.#recordOf(id).hangs++;
  }

  /** How often it was hung, as far as it is remembered; at most so often that doubling a time as many times makes sense. */
  hangsOf(id: WorkerId): number {
    return Math.min(10, this.#records.get(id)?.hangs ?? 0);
  }

  /** The offence was none: another worker found the same. */
  pardon(id: WorkerId): void {
    this.#records.delete(id);
  }

  /** Notes a broken connection. @returns whether they are too many. */
  noteLoss(id: WorkerId, nowMs: number): boolean {
    const { maxFlaps, flapWindowMs } = this.#options;
    const record = this.#recordOf(id);
    record.losses = [...record.losses.filter((at) => nowMs - at < flapWindowMs), nowMs].slice(-maxFlaps - 1);
    if (record.losses.length <= maxFlaps) return false;
    record.losses = [];
    return true;
  }

  /** Moves every time that is being waited from by `ms`: nothing counts that happened while this process stood still. */
  forgive(ms: number): void {
    for (const member of this) {
      member.heardAtMs += ms;
      if (member.lostAtMs !== null) member.lostAtMs += ms;
      const { lease } = member;
      if (lease === null) continue;
      member.lease = {
        ...lease,
        leasedAtMs: lease.leasedAtMs + ms,
        slowAtMs: lease.slowAtMs + ms,
        hungAtMs: lease.hungAtMs + ms,
      };
    }
  }

  #recordOf(id: WorkerId): Conduct {
    let record = this.#records.get(id);
    if (record === undefined) {
      record = { offences: 0, lastOffenceMs: -Infinity, hangs: 0, quarantinedUntilMs: -Infinity, losses: [] };
      this.#records.set(id, record);
      if (this.#records.size > MAX_RECORDS) this.#records.delete(this.#records.keys().next().value!);
    }
    return record;
  }
}

/** What this worker usually takes per leaf, if that is known. */
export function ownPaceOf(member: Member, kind: 'gradient' | 'evaluation'): number | undefined {
  const pace = member.pace[kind];
  return pace.count < TIMES_TO_JUDGE ? undefined : pace.median;
}

export function sameHolding(a: Holding, b: { readonly task: number; readonly block: Block }): boolean {
  return a.task === b.task && sameBlock(a.block, b.block);
}
