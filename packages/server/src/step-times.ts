import type { Arrival, StepTiming } from '@convoy/protocol/run-events';

/** Arrivals in one event, at most. */
export const MAX_ARRIVALS = 32;

/** A result that went into the step's sum. */
export interface TakenResult {
  readonly rank: number;
  /** When it came in. */
  readonly atMs: number;
  /** By its worker's account. */
  readonly computeMs: number;
  readonly samples: number;
}

/** Where the time of the step that is being collected goes. All times are milliseconds on one clock, with fractions. */
export class StepTimes {
  #firstJoinMs: number | null = null;
  #openedMs = 0;
  #taken: TakenResult[] = [];
  /** Since then the present part of a commit lasts. */
  #lapMs = 0;
  #spent = { sendMs: 0, sumMs: 0, normMs: 0, updateMs: 0 };

  /** A wait for the first worker is no step's. */
  workerJoined(nowMs: number): void {
    this.#firstJoinMs ??= nowMs;
  }

  /** A step begins, or begins again. */
  opened(nowMs: number): void {
    this.#openedMs = nowMs;
    this.#taken = [];
    this.#spent = { sendMs: 0, sumMs: 0, normMs: 0, updateMs: 0 };
  }

  /** The server has encoded parameters and handed them over, or has read or added up a result. */
  spent(on: 'sendMs' | 'sumMs', fromMs: number, toMs: number): void {
    this.#spent[on] += toMs - fromMs;
  }

  taken(result: TakenResult): void {
    this.#taken.push(result);
  }

  /** The commit begins. */
  committing(nowMs: number): void {
    this.#lapMs = nowMs;
  }

  /** A part of the commit is done. */
  lap(part: 'normMs' | 'updateMs', nowMs: number): void {
    this.#spent[part] = nowMs - this.#lapMs;
    this.#lapMs = nowMs;
  }

  /** When the present part of the commit began. */
  get lapMs(): number {
    return this.#lapMs;
  }

  /** What the step's event says, once the parameters have moved. */
  timing(nowMs: number): StepTiming {
    const beganMs = Math.max(this.#openedMs, this.#firstJoinMs ?? this.#openedMs);
    const since = (ms: number) => Math.max(0, ms - beganMs);
    const atMs = this.#taken.map((result) => result.atMs);
    const [firstMs, allMs] = [Math.min(...atMs), Math.max(...atMs)];
    const lastOfEach = new Map<number, number>();
    for (const { rank, atMs: ms } of this.#taken) lastOfEach.set(rank, Math.max(ms, lastOfEach.get(rank) ?? 0));
    const [last, lastButOne] = [...lastOfEach.values()].sort((a, b) => b - a);
    const { sendMs, sumMs, normMs, updateMs } = this.#spent;
    return {
      firstMs: brief(since(firstMs)),
      allMs: brief(since(allMs)),
      waitMs: brief(lastButOne === undefined ? 0 : last! - lastButOne),
      serverMs: brief(nowMs - allMs),
      ...{ sendMs: brief(sendMs), sumMs: brief(sumMs), normMs: brief(normMs), updateMs: brief(updateMs) },
      arrivals: arrivalsOf(this.#taken, since),
    };
  }
}

/** One for each result, or one for each worker if those are too many, in the order of their arrival; the last ones if those are too. */
function arrivalsOf(taken: readonly TakenResult[], since: (ms: number) => number): readonly Arrival[] {
  // A worker's clock is its own: what it says can't be more than there was.
  const lasting = ({ atMs, computeMs }: TakenResult) => Math.min(computeMs, since(atMs));
  if (taken.length <= MAX_ARRIVALS) {
    return taken.map((each) => [each.rank, brief(since(each.atMs)), brief(lasting(each)), each.samples]);
  }
  const ofRank = new Map<number, TakenResult & { readonly results: number }>();
  for (const each of taken) {
    const before = ofRank.get(each.rank) ?? { computeMs: 0, samples: 0, results: 0 };
    // Put behind the others: it came in after them.
    ofRank.delete(each.rank);
    ofRank.set(each.rank, {
      ...each,
      computeMs: before.computeMs + lasting(each),
      samples: before.samples + each.samples,
      results: before.results + 1,
    });
  }
  return [...ofRank.values()]
    .slice(-MAX_ARRIVALS)
    .map((each) => [each.rank, brief(since(each.atMs)), brief(lasting(each)), each.samples, each.results]);
}

/** Tenths of a millisecond, or whole ones where tenths say nothing. */
function brief(ms: number): number {
  return ms < 100 ? Math.round(10 * ms) / 10 : Math.round(ms);
}
