import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream, type RandomStream } from '@convoy/numerics/random/stream';

/** What can be done to a cluster, in the words of `--faults`. */
export const FAULT_KINDS = ['kill', 'freeze', 'leave', 'join', 'server', 'corrupt'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One thing that is done to the cluster, decided before the run begins. `atMs` counts from the run's first step. */
export type Fault = { readonly atMs: number } & (
  | {
      readonly kind: 'kill';
      /** Which of the workers there are, as a number in [0, 2^32): {@link victimOf}. */
      readonly victim: number;
      /** Every worker at once: the cluster is empty until the first is back. */
      readonly everyone: boolean;
      /** When another takes the place of each that was killed. */
      readonly backAfterMs: number;
    }
  | { readonly kind: 'freeze'; readonly victim: number; readonly forMs: number }
  | { readonly kind: 'leave'; readonly victim: number; readonly backAfterMs: number }
  | { readonly kind: 'join' }
  | { readonly kind: 'server'; readonly how: 'freeze'; readonly forMs: number }
  | { readonly kind: 'server'; readonly how: 'kill'; readonly outage: Outage }
  | {
      /** The newest checkpoint is damaged while no coordinator runs. */
      readonly kind: 'corrupt';
      readonly how: 'flip' | 'truncate';
      /** Where in the file, as a share of its length: the bit that is flipped, or the length that stays. */
      readonly where: number;
      readonly outage: Outage;
    }
);

/** A coordinator's death and its return. */
export interface Outage {
  readonly backAfterMs: number;
  /** It is killed once more so long after its start, while it starts perhaps; null for once is enough. */
  readonly againAfterMs: number | null;
}

export interface ScheduleOptions {
  readonly seed: number;
  /** Mean time between two faults. */
  readonly meanMs: number;
  readonly kinds: readonly FaultKind[];
  /** When the coordinator gives a silent worker up: freezes are shorter and longer than that. */
  readonly deadAfterMs: number;
}

/** A kill takes every worker once in so many times. */
const EVERYONE_ONCE_IN = 6;
/** A restarted coordinator is killed again once in so many times. */
const AGAIN_ONCE_IN = 4;
const AGAIN_WITHIN_MS = 2_500;
/** A replacement comes before the next few faults have happened, but for a place that stays empty for longer now and then. */
const BACK_WITHIN_MEANS = 2;
const SERVER_AWAY_MS = 3_000;

/**
 * The faults of a run, without end: equal options give equal faults. The times between them are exponential, so they
 * come in bursts too. Kinds are drawn like cards from a shuffled deck, so that a short run meets each of them.
 */
export function* faultSchedule({ seed, meanMs, kinds, deadAfterMs }: ScheduleOptions): Generator<Fault, never> {
  const random = randomStream(seed, purposes.chaos);
  let atMs = 0;
  for (;;) {
    for (const kind of shuffled(kinds, random)) {
      // 1 - unit() is in (0, 1].
      atMs += -Math.log(1 - random.unit()) * meanMs;
      yield { atMs: Math.round(atMs), ...drawFault(kind, random, meanMs, deadAfterMs) };
    }
  }
}

/** The one of `candidates` that a drawn number means; undefined when there is none. */
export function victimOf<Candidate>(victim: number, candidates: readonly Candidate[]): Candidate | undefined {
  return candidates[victim % Math.max(1, candidates.length)];
}

type WithoutTime<F> = F extends unknown ? Omit<F, 'atMs'> : never;

function drawFault(kind: FaultKind, random: RandomStream, meanMs: number, deadAfterMs: number): WithoutTime<Fault> {
  const upTo = (limitMs: number) => Math.round(random.unit() * limitMs);
  const outage = () => ({
    backAfterMs: upTo(SERVER_AWAY_MS),
    againAfterMs: random.below(AGAIN_ONCE_IN) === 0 ? upTo(AGAIN_WITHIN_MS) : null,
  });
  switch (kind) {
    case 'kill': {
      const victim = random.uint32();
      const everyone = random.below(EVERYONE_ONCE_IN) === 0;
      return { kind, victim, everyone, backAfterMs: upTo(BACK_WITHIN_MEANS * meanMs) };
    }
    case 'freeze': {
      const victim = random.uint32();
      // As often shorter as longer than what makes a silent worker a dead one.
      const isLonger = random.below(2) === 1;
      const share = isLonger ? 1.1 + 1.4 * random.unit() : 0.1 + 0.8 * random.unit();
      return { kind, victim, forMs: Math.round(share * deadAfterMs) };
    }
    case 'leave':
      return { kind, victim: random.uint32(), backAfterMs: upTo(BACK_WITHIN_MEANS * meanMs) };
    case 'join':
      return { kind };
    case 'server': {
      if (random.below(2) === 1) return { kind, how: 'kill', outage: outage() };
      return { kind, how: 'freeze', forMs: Math.round((0.2 + 1.6 * random.unit()) * deadAfterMs) };
    }
    case 'corrupt': {
      const how = random.below(2) === 0 ? 'flip' : 'truncate';
      return { kind, how, where: random.unit(), outage: outage() };
    }
  }
}

/** Fisher-Yates. */
function shuffled<Item>(items: readonly Item[], random: RandomStream): Item[] {
  const deck = [...items];
  for (let last = deck.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [deck[last], deck[other]] = [deck[other]!, deck[last]!];
  }
  return deck;
}
