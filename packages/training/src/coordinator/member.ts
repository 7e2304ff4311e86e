import type { Block } from '@convoy/protocol/messages';
import { sameBlock } from '@convoy/numerics/blocks';
import type { Holding, Task, WorkerId } from './events.ts';
import { Pace } from './pace.ts';

/** A worker's newest times that decide how fast it is. */
const OWN_TIMES = 8;
/** Own times before they are believed. */
const TIMES_TO_JUDGE = 3;

/** A block that a worker was given to compute. */
export interface WorkerLease extends Holding {
  readonly kind: Task['kind'];
  readonly leaves: number;
  readonly leasedAtMs: number;
  /** From here on it is slow, and the block may be leased to another as well. */
  readonly slowAtMs: number;
  /** From here on the worker is hung. */
  readonly hungAtMs: number;
  /** Its result is not wanted any more. */
  readonly cancelled: boolean;
}

/** One member of the run, as the coordinator sees it. */
export interface Member {
  readonly id: WorkerId;
  /** Where it connects from. */
  origin: string;
  /** Something that it computed was committed, and it has given no trouble since. */
  isConfirmed: boolean;
  /** No work before this. */
  quarantinedUntilMs: number;
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

export function newMember(id: WorkerId, origin: string, nowMs: number): Member {
  return {
    id,
    origin,
    isConfirmed: false,
    quarantinedUntilMs: -Infinity,
    parametersAt: -1,
    lease: null,
    draining: false,
    heardAtMs: nowMs,
    silent: false,
    lostAtMs: null,
    pace: { gradient: new Pace(OWN_TIMES), evaluation: new Pace(OWN_TIMES) },
  };
}

/** What this worker usually takes per leaf, if that is known. */
export function ownPaceOf(member: Member, kind: Task['kind']): number | undefined {
  const pace = member.pace[kind];
  return pace.count < TIMES_TO_JUDGE ? undefined : pace.median;
}

/** When a lease has taken two deadlines. */
export function lateTwiceAtMs({ leasedAtMs, slowAtMs }: WorkerLease): number {
  return 2 * slowAtMs - leasedAtMs;
}

export function sameHolding(a: Holding, b: { readonly task: number; readonly block: Block }): boolean {
  return a.task === b.task && sameBlock(a.block, b.block);
}
