import { ConductRecords } from './conduct.ts';
import type { ExpulsionCause, WorkerId } from './events.ts';
import { lateTwiceAtMs, newMember, sameHolding, type Member } from './member.ts';
import type { CoordinatorOptions } from './options.ts';
import { seconds, type Turn } from './turn.ts';

const STILL_IN_QUARANTINE = 'its quarantine goes on';
const LIES_FROM_THERE = 'values that came from its address were not believed';

/**
 * Who is there: members in their order of joining, from their first `worker-joined` until they leave, are sent away or do not come
 * back; which of them may be given work; and what is remembered of those who gave trouble.
 */
export class Membership implements Iterable<Member> {
  readonly #options: CoordinatorOptions;
  readonly #turn: Turn;
  /** What a member holds goes back when it is no member any more. */
  readonly #release: (member: Member, reason: string) => void;
  readonly #members = new Map<WorkerId, Member>();
  /** By worker; and by origin for the lies that were told from there: a liar chooses its names, not its address. */
  readonly #conduct: ConductRecords;
  readonly #lies: ConductRecords;

  constructor(options: CoordinatorOptions, turn: Turn, release: (member: Member, reason: string) => void) {
    this.#options = options;
    this.#turn = turn;
    this.#release = release;
    this.#conduct = new ConductRecords(options.conduct);
    this.#lies = new ConductRecords(options.conduct);
  }

  [Symbol.iterator](): IterableIterator<Member> {
    return this.#members.values();
  }

  get(id: WorkerId): Member | undefined {
    return this.#members.get(id);
  }

  /** Workers that may be given work now. */
  get ready(): number {
    let ready = 0;
    for (const member of this) if (this.isReady(member)) ready++;
    return ready;
  }

  /** May be given work: connected, heard of, staying, and not in quarantine. */
  isReady(member: Member): boolean {
    const isQuarantined = this.#turn.nowMs < member.quarantinedUntilMs;
    return !member.draining && !member.silent && member.lostAtMs === null && !isQuarantined;
  }

  /** Somebody is there, and staying, whose results have been confirmed; it need not be ready at the moment. */
  get hasConfirmed(): boolean {
    for (const { isConfirmed, draining } of this) if (isConfirmed && !draining) return true;
    return false;
  }

  /** What this member computed was committed; nothing when it has left meanwhile. */
  confirm(member: Member): void {
    if (this.#members.get(member.id) === member) member.isConfirmed = true;
  }

  /** Others that hold the same block of the same task, and are to deliver it. */
  *coHolders({ id, lease }: Member): Generator<Member> {
    if (lease === null) return;
    for (const other of this) {
      if (other.id === id || other.lease === null || other.lease.cancelled) continue;
      if (sameHolding(other.lease, lease)) yield other;
    }
  }

  // ── Coming and going ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Any sign of life. */
  hear(workerId: WorkerId): void {
    const member = this.#members.get(workerId);
    if (member === undefined || member.lostAtMs !== null) return;
    const silentMs = this.#turn.nowMs - member.heardAtMs;
    member.heardAtMs = this.#turn.nowMs;
    if (!member.silent) return;
    member.silent = false;
    // What it has done meanwhile may be on its way.
    const { lease } = member;
    if (lease !== null) member.lease = { ...lease, hungAtMs: lease.hungAtMs + silentMs };
    this.#turn.order({ type: 'recover', workerId });
  }

  /** @throws Error when it is connected already. */
  join(workerId: WorkerId, origin: string): Member {
    const { nowMs } = this.#turn;
    const known = this.#members.get(workerId);
    if (known === undefined) {
      const member = newMember(workerId, origin, nowMs);
      const byName = this.#conduct.quarantinedUntilMs(workerId);
      member.quarantinedUntilMs = Math.max(byName, this.#lies.quarantinedUntilMs(origin));
      this.#members.set(workerId, member);
      this.#remindOfQuarantine(member, byName > nowMs ? STILL_IN_QUARANTINE : LIES_FROM_THERE);
      return member;
    }
    if (known.lostAtMs === null) throw new Error(`worker ${workerId} joined twice`);
    // From elsewhere anybody may come who has learned its name.
    if (known.origin !== origin) known.isConfirmed = false;
    known.origin = origin;
    known.lostAtMs = null;
    known.heardAtMs = nowMs;
    known.parametersAt = -1;
    this.#turn.order({ type: 'recover', workerId });
    this.#remindOfQuarantine(known, STILL_IN_QUARANTINE);
    return known;
  }

  /** Who comes in the middle of a quarantine has not heard of it. */
  #remindOfQuarantine({ id, quarantinedUntilMs }: Member, reason: string): void {
    const forMs = quarantinedUntilMs - this.#turn.nowMs;
    if (forMs > 0) this.#turn.order({ type: 'quarantine', workerId: id, forMs, reason });
  }

  /** Its connection broke: it may come back. */
  lose(workerId: WorkerId, reason: string): void {
    const member = this.#members.get(workerId);
    if (member === undefined || member.lostAtMs !== null) return;
    if (member.draining) return this.#remove(member, reason);
    member.lostAtMs = this.#turn.nowMs;
    member.silent = false;
    this.#turn.order({ type: 'suspect', workerId, reason });
    if (this.#conduct.noteLoss(workerId, this.#turn.nowMs)) this.quarantine(member, 'its connection keeps breaking');
  }

  /** Who breaks the protocol, or comes and goes without end, is given nothing for a while when it comes again. */
  leave(workerId: WorkerId, reason: string, atFault: boolean): void {
    const member = this.#members.get(workerId);
    if (member === undefined) return;
    this.#remove(member, reason);
    if (atFault) this.quarantine(member, reason);
    else if (this.#conduct.noteLoss(workerId, this.#turn.nowMs)) this.quarantine(member, 'it keeps leaving');
  }

  #remove(member: Member, reason: string): void {
    this.#release(member, reason);
    this.#members.delete(member.id);
  }

  expel(member: Member, cause: ExpulsionCause, reason: string): void {
    this.#remove(member, reason);
    this.#turn.order({ type: 'expel', workerId: member.id, cause, reason });
  }

  /** A worker gets nothing for a while, and has to prove itself anew. @param isLie whoever else comes from its address neither. */
  quarantine(member: Member, reason: string, isLie = false): void {
    const { nowMs } = this.#turn;
    const byName = this.#conduct.offend(member.id, nowMs);
    const forMs = isLie ? this.#lies.offend(member.origin, nowMs, byName) : byName;
    member.isConfirmed = false;
    member.quarantinedUntilMs = nowMs + forMs;
    this.#turn.order({ type: 'quarantine', workerId: member.id, forMs, reason });
  }

  /** It was no lie: another worker found the same. */
  pardon(workerId: WorkerId, origin: string): void {
    this.#conduct.pardon(workerId);
    this.#lies.pardon(origin);
    for (const member of this) {
      if (member.origin === origin) member.quarantinedUntilMs = this.#conduct.quarantinedUntilMs(member.id);
    }
  }

  /** How often it was hung, as far as it is remembered. */
  hangsOf(workerId: WorkerId): number {
    return this.#conduct.hangsOf(workerId);
  }

  // ── The passing of time ────────────────────────────────────────────────────────────────────────────────────────────

  /** Finds who is silent, dead, hung or did not come back. */
  check(): void {
    const { suspectAfterMs, deadAfterMs, graceMs } = this.#options;
    const { nowMs } = this.#turn;
    for (const member of this) {
      const { id, lostAtMs, heardAtMs, lease } = member;
      if (lostAtMs !== null) {
        if (nowMs >= lostAtMs + graceMs) this.expel(member, 'dead', `did not come back within ${seconds(graceMs)}`);
      } else if (nowMs >= heardAtMs + deadAfterMs) {
        this.expel(member, 'dead', `nothing heard for ${seconds(deadAfterMs)}`);
      } else if (lease !== null && heardAtMs >= lease.hungAtMs) {
        // Heard of since its time was over: whoever is silent is not hung, and soon dead.
        this.#conduct.noteHang(id);
        this.quarantine(member, 'it was hung');
        this.expel(member, 'hung', `alive, but no result for ${seconds(nowMs - lease.leasedAtMs)}`);
      } else if (!member.silent && nowMs >= heardAtMs + suspectAfterMs) {
        member.silent = true;
        const reason = `nothing heard for ${seconds(suspectAfterMs)}`;
        this.#turn.order({ type: 'suspect', workerId: id, reason });
      }
    }
  }

  /** The next time at which {@link check} may find something, a block is late or a worker becomes ready; Infinity for never. */
  get wakeAtMs(): number {
    const { suspectAfterMs, deadAfterMs, graceMs } = this.#options;
    const { nowMs } = this.#turn;
    let wakeAtMs = Infinity;
    const consider = (atMs: number) => {
      if (atMs > nowMs && atMs < wakeAtMs) wakeAtMs = atMs;
    };
    for (const { heardAtMs, silent, lostAtMs, lease, quarantinedUntilMs } of this.#members.values()) {
      consider(lostAtMs === null ? heardAtMs + (silent ? deadAfterMs : suspectAfterMs) : lostAtMs + graceMs);
      consider(quarantinedUntilMs);
      if (lease === null) continue;
      consider(lease.slowAtMs);
      consider(lateTwiceAtMs(lease));
      consider(lease.hungAtMs);
    }
    return wakeAtMs;
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
}
