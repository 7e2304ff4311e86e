import type { RunEvent } from '@convoy/protocol/run-events';

/** A worker, as the run's events tell of it. */
export interface ShownWorker {
  readonly workerId: string;
  readonly rank: number;
  readonly name: string;
  readonly engine: string;
  readonly joinedAt: number;
  /** Null while it takes part. */
  readonly leftAt: number | null;
  readonly state: 'here' | 'suspect' | 'quarantined' | 'gone';
  /** When it gets work again, of one that is quarantined: no event says so. */
  readonly quarantinedUntil: number | null;
  /** Why it is not simply here. */
  readonly reason: string | null;
  /** Results that went into a step; 0 in logs of older versions. */
  readonly done: number;
  /** Leases that went to others, and results that were not used. */
  readonly lost: number;
  readonly discarded: number;
  readonly rssBytes: number | null;
}

/** Workers that are gone and still shown; of more, the last that left. */
const MAX_GONE = 200;

/** The workers of a run: those that take part, and those that did. */
export class WorkerList {
  #workers = new Map<string, Omit<ShownWorker, 'done'>>();
  /** Results by their workers. Changes with every step, so it is not among the workers' other figures. */
  readonly #done = new Map<string, number>();
  /** Who had a rank last. */
  readonly #ofRank = new Map<number, string>();
  /** Bytes in memory of the server, and when that was measured. */
  serverRssBytes: number | null = null;

  /** In the order of their ranks, those that are gone last. */
  get all(): readonly ShownWorker[] {
    const gone = ({ state }: Pick<ShownWorker, 'state'>) => Number(state === 'gone');
    const workers = [...this.#workers.values()].map((each) => ({ ...each, done: this.#done.get(each.workerId) ?? 0 }));
    return workers.sort((a, b) => gone(a) - gone(b) || a.rank - b.rank || a.joinedAt - b.joinedAt);
  }

  get hereCount(): number {
    return [...this.#workers.values()].filter(({ state }) => state !== 'gone').length;
  }

  see(event: RunEvent): void {
    switch (event.type) {
      case 'worker-joined': {
        const { workerId, rank, name, engine, at } = event;
        const before = this.#workers.get(workerId);
        this.#workers.set(workerId, {
          ...{ workerId, rank, name, engine, leftAt: null, state: 'here', reason: null },
          quarantinedUntil: null,
          joinedAt: before?.joinedAt ?? at,
          lost: before?.lost ?? 0,
          discarded: before?.discarded ?? 0,
          rssBytes: before?.rssBytes ?? null,
        });
        this.#ofRank.set(rank, workerId);
        return;
      }
      case 'step':
        for (const [rank, , , , results = 1] of event.timing?.arrivals ?? []) {
          const workerId = this.#ofRank.get(rank);
          if (workerId !== undefined) this.#done.set(workerId, (this.#done.get(workerId) ?? 0) + results);
        }
        return;
      case 'worker-left':
        this.#change(event.workerId, { state: 'gone', leftAt: event.at, reason: event.reason });
        return this.#forgetLongGone();
      case 'worker-suspected':
        return this.#change(event.workerId, { state: 'suspect', reason: event.reason });
      case 'worker-recovered':
        return this.#change(event.workerId, { state: 'here', reason: null });
      case 'worker-quarantined':
        return this.#change(event.workerId, {
          state: 'quarantined',
          reason: event.reason,
          quarantinedUntil: event.at + event.forMs,
        });
      case 'released': {
        const lost = (this.#workers.get(event.workerId)?.lost ?? 0) + 1;
        return this.#change(event.workerId, { lost });
      }
      case 'result-discarded': {
        const discarded = (this.#workers.get(event.workerId)?.discarded ?? 0) + 1;
        return this.#change(event.workerId, { discarded });
      }
      case 'memory': {
        this.serverRssBytes = event.serverRssBytes;
        const { rank, rssBytes } = event;
        const worker = [...this.#workers.values()].find((each) => each.rank === rank && each.state !== 'gone');
        if (worker !== undefined) this.#change(worker.workerId, { rssBytes });
        return;
      }
      // Their connections went with the server; those that look for the next one join it anew.
      case 'run-resumed':
        return this.#allGone(event.at, 'the coordinator was started again');
      case 'run-ended':
        return this.#allGone(event.at, 'the run ended');
    }
  }

  #allGone(at: number, reason: string): void {
    for (const { workerId, state } of this.#workers.values()) {
      if (state !== 'gone') this.#change(workerId, { state: 'gone', leftAt: at, reason });
    }
  }

  #change(workerId: string, change: Partial<Omit<ShownWorker, 'done'>>): void {
    const worker = this.#workers.get(workerId);
    if (worker !== undefined) this.#workers.set(workerId, { ...worker, ...change });
  }

  #forgetLongGone(): void {
    const gone = [...this.#workers.values()].filter(({ state }) => state === 'gone');
    if (gone.length <= 2 * MAX_GONE) return;
    gone.sort((a, b) => a.leftAt! - b.leftAt!);
    for (const { workerId } of gone.slice(0, -MAX_GONE)) {
      this.#workers.delete(workerId);
      this.#done.delete(workerId);
    }
  }
}
