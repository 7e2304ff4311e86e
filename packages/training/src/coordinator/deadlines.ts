import type { Holding, Task } from './events.ts';
import { ownPaceOf, type Member, type WorkerLease } from './member.ts';
import type { CoordinatorOptions } from './options.ts';
import { Pace } from './pace.ts';
import type { Turn } from './turn.ts';

/** Times of all workers that decide what is usual. */
const COMMON_TIMES = 64;
/** A holder is a straggler when an idle worker, starting now, would be done this many times earlier. */
const STRAGGLER_FACTOR = 1.5;
/** A worker's lease may take this many times the usual time of the largest lease. */
const UNEVENNESS = 2;

/** How long leases take: what is usual, how large one may be, by when its holder is slow and hung, and who is late. */
export class Deadlines {
  readonly #options: CoordinatorOptions;
  readonly #turn: Turn;
  readonly #pace = { gradient: new Pace(COMMON_TIMES), evaluation: new Pace(COMMON_TIMES) };

  constructor(options: CoordinatorOptions, turn: Turn) {
    this.#options = options;
    this.#turn = turn;
  }

  /** What a leaf usually takes; undefined before the first. */
  usualMs(kind: Task['kind']): number | undefined {
    return this.#pace[kind].median;
  }

  /** A lease was done. @returns whether it was the first of its kind: nobody had known how long a leaf takes. */
  note(member: Member, lease: WorkerLease): boolean {
    const msPerLeaf = (this.#turn.nowMs - lease.leasedAtMs) / lease.leaves;
    const common = this.#pace[lease.kind];
    const isFirst = common.count === 0 && !lease.cancelled;
    member.pace[lease.kind].add(msPerLeaf);
    if (!lease.cancelled) common.add(msPerLeaf);
    return isFirst;
  }

  /** A lease that was given before anybody knew how long it takes, with the deadline that it would be given now. */
  revised(lease: WorkerLease): WorkerLease {
    return { ...lease, slowAtMs: lease.leasedAtMs + this.#deadlineMs(lease.kind, lease.leaves) };
  }

  #deadlineMs(kind: Task['kind'], leaves: number): number {
    const { minDeadlineMs, maxDeadlineMs } = this.#options;
    return this.#pace[kind].deadlineMs(leaves, minDeadlineMs, maxDeadlineMs);
  }

  /** The greatest lease of at most `size` leaves that a worker finishes in bearable time: less for the slow. */
  bearableSize(member: Member, kind: Task['kind'], size: number): number {
    const own = ownPaceOf(member, kind);
    const common = this.#pace[kind].median;
    if (own === undefined || common === undefined) return size;
    const bearableMs = UNEVENNESS * common * size;
    let bearable = size;
    while (bearable > 1 && own * bearable > bearableMs) bearable /= 2;
    return bearable;
  }

  /** A lease that begins now. @param hangs how often its holder was hung. */
  leaseOf(member: Member, holding: Holding, kind: Task['kind'], leaves: number, hangs: number): WorkerLease {
    const { hungAfterDeadlines, hungAfterMs } = this.#options;
    const { nowMs } = this.#turn;
    const deadlineMs = this.#deadlineMs(kind, leaves);
    // A worker that has always been slow is no more hung than it is dead.
    const own = ownPaceOf(member, kind);
    const ownDeadlineMs = Math.max(deadlineMs, 2 * (own ?? 0) * leaves);
    // Nor is one that is only slower than anybody knew: it is given longer each time, so that it finishes some day.
    const patience = own === undefined ? 2 ** hangs : 1;
    return {
      task: holding.task,
      block: holding.block,
      kind,
      leaves,
      leasedAtMs: nowMs,
      slowAtMs: nowMs + deadlineMs,
      hungAtMs: nowMs + patience * Math.max(hungAfterMs, hungAfterDeadlines * ownDeadlineMs),
      cancelled: false,
    };
  }

  isOverdue(holder: Member, lease: WorkerLease): boolean {
    return holder.lostAtMs !== null || holder.silent || this.#turn.nowMs >= lease.slowAtMs;
  }

  /** Whether some idle worker may find that this holder is late: all that {@link expectedEndMs} can tell of. */
  mayBeLate(holder: Member, lease: WorkerLease): boolean {
    if (this.isOverdue(holder, lease)) return true;
    const own = ownPaceOf(holder, lease.kind);
    return own !== undefined && lease.leasedAtMs + own * lease.leaves - this.#turn.nowMs > this.#options.minDeadlineMs;
  }

  /** When a lease will be done, as far as can be told: Infinity for a holder that may never, −Infinity for one that is in time. */
  expectedEndMs(holder: Member, lease: WorkerLease, idle: Member): number {
    if (this.isOverdue(holder, lease)) return Infinity;
    const own = ownPaceOf(holder, lease.kind);
    const common = this.#pace[lease.kind].median;
    if (own === undefined || common === undefined) return -Infinity;
    const endMs = lease.leasedAtMs + own * lease.leaves;
    const idleMs = (ownPaceOf(idle, lease.kind) ?? common) * lease.leaves;
    // Below the shortest deadline it is the scheduler's doing, and over before the other could help.
    const bearableMs = Math.max(STRAGGLER_FACTOR * idleMs, this.#options.minDeadlineMs);
    return endMs - this.#turn.nowMs > bearableMs ? endMs : -Infinity;
  }
}
