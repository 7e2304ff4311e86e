import type { RunEvent } from '@convoy/protocol/run-events';

/** Which events are wanted. */
export interface WantedEvents {
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number | undefined;
  /** A worker's rank. */
  readonly worker: number | undefined;
  readonly types: readonly string[];
}

/** Picks events one after another: some name a worker only by an id that an earlier one has told. */
export class EventFilter {
  readonly #wanted: WantedEvents;
  readonly #rankOf = new Map<string, number>();

  constructor(wanted: WantedEvents) {
    this.#wanted = wanted;
  }

  takes(event: RunEvent): boolean {
    if (event.type === 'worker-joined') this.#rankOf.set(event.workerId, event.rank);
    const { sinceMs = -Infinity, worker, types } = this.#wanted;
    if (event.at < sinceMs) return false;
    if (types.length > 0 && !types.includes(event.type)) return false;
    return worker === undefined || this.#ranksIn(event).includes(worker);
  }

  #ranksIn(event: RunEvent): readonly (number | undefined)[] {
    return [
      ...('rank' in event ? [event.rank] : []),
      ...('workerId' in event ? [this.#rankOf.get(event.workerId)] : []),
      ...(event.type === 'leased-again' ? [event.insteadOf.rank] : []),
      ...(event.type === 'stalled' ? event.waitingFor.map(({ rank }) => rank) : []),
    ];
  }
}
