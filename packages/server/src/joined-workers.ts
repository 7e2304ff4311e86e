import type { EvaluationLease, Lease, ServerMessage } from '@convoy/protocol/messages';
import type { RunningLease, WorkerStatus } from '@convoy/protocol/run-status';
import type { Holding, WorkerId } from '@convoy/training/coordinator/events';
import { sameHolding } from '@convoy/training/coordinator/member';
import type { JoinedWorker, WorkerConnection } from './session.ts';

/** Workers of which the last leases are remembered: more than hold one at a time in any run. */
const MAX_LEASES = 8_192;

interface GivenLease extends Holding {
  readonly step: number;
  readonly work: RunningLease['work'];
  readonly atMs: number;
}

/** The workers that take part, and the leases that each was given last. */
export class JoinedWorkers implements Iterable<JoinedWorker> {
  readonly #workers = new Map<WorkerId, JoinedWorker>();
  /** Also of workers that are away. What one says that it holds is the last, or that before if it did not hear that it was answered. */
  readonly #lastLeases = new Map<WorkerId, readonly GivenLease[]>();

  [Symbol.iterator](): IterableIterator<JoinedWorker> {
    return this.#workers.values();
  }

  get size(): number {
    return this.#workers.size;
  }

  get(id: WorkerId): JoinedWorker | undefined {
    return this.#workers.get(id);
  }

  add(worker: JoinedWorker): void {
    this.#workers.set(worker.workerId, worker);
  }

  /** @returns whether it took part. */
  remove(id: WorkerId): boolean {
    return this.#workers.delete(id);
  }

  /** A worker's place for display. @throws TypeError when it takes no part. */
  nameOf(id: WorkerId): { readonly rank: number; readonly name: string } {
    const { rank, name } = this.#workers.get(id)!;
    return { rank, name };
  }

  /** The worker of that rank which takes part; undefined when there is none. */
  ofRank(rank: number): JoinedWorker | undefined {
    for (const worker of this) if (worker.rank === rank) return worker;
    return undefined;
  }

  /** A worker's connection; undefined when it has none at the moment. */
  connectionOf(id: WorkerId): WorkerConnection | undefined {
    return this.#workers.get(id)?.session?.connection;
  }

  /** How many are connected from where a peer is. */
  countBeside({ origin }: WorkerConnection): number {
    let count = 0;
    for (const { session } of this) {
      if (session?.connection.origin === origin) count++;
    }
    return count;
  }

  /** All of them, as an operator wants to see them, in the order of their ranks. */
  statuses(nowMs: number): readonly WorkerStatus[] {
    const statuses = [...this].map(({ workerId, rank, name, engine, origin, speed, session }): WorkerStatus => {
      const isOwing = session !== null && session.owed > 0;
      const state = session === null ? 'away' : session.draining ? 'leaving' : isOwing ? 'computing' : 'idle';
      const [last] = isOwing ? (this.#lastLeases.get(workerId) ?? []) : [];
      const lease =
        last === undefined
          ? null
          : { step: last.step, work: last.work, block: last.block, forMs: Math.max(0, nowMs - last.atMs) };
      return { rank, name, engine, origin, state, samplesPerSecond: speed.samplesPerSecond, lease };
    });
    return statuses.sort((a, b) => a.rank - b.rank);
  }

  broadcast(message: ServerMessage): void {
    for (const { session } of this) session?.connection.send(message);
  }

  noteLease(id: WorkerId, { type, task, step, block }: Lease | EvaluationLease, atMs: number): void {
    const work = type === 'lease' ? 'gradient' : 'evaluation';
    const [before] = this.#lastLeases.get(id) ?? [];
    this.#lastLeases.delete(id);
    this.#lastLeases.set(id, [{ task, step, block, work, atMs }, ...(before === undefined ? [] : [before])]);
    if (this.#lastLeases.size > MAX_LEASES) this.#lastLeases.delete(this.#lastLeases.keys().next().value!);
  }

  /** Whether a worker can hold what it says. */
  canHold(id: WorkerId, holding: Holding): boolean {
    return this.#lastLeases.get(id)?.some((lease) => sameHolding(lease, holding)) ?? false;
  }
}
