/** Forgotten beyond this many: bounds what strangers can make the coordinator remember. */
const MAX_RECORDS = 1_024;

/** What is remembered of somebody who gave trouble, also while it is away. */
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

export interface ConductOptions {
  readonly quarantineMs: number;
  readonly maxQuarantineMs: number;
  /** An offence is forgotten after this long without another. */
  readonly pardonAfterMs: number;
  /** More broken connections than this within `flapWindowMs` are an offence. */
  readonly maxFlaps: number;
  readonly flapWindowMs: number;
}

export const DEFAULT_CONDUCT_OPTIONS: ConductOptions = {
  quarantineMs: 1_000,
  maxQuarantineMs: 60_000,
  pardonAfterMs: 600_000,
  maxFlaps: 5,
  flapWindowMs: 60_000,
};

/** The records of those who gave trouble. */
export class ConductRecords {
  readonly #options: ConductOptions;
  readonly #records = new Map<string, Conduct>();

  constructor(options: ConductOptions) {
    this.#options = options;
  }

  /** −Infinity when it never was. */
  quarantinedUntilMs(id: string): number {
    return this.#records.get(id)?.quarantinedUntilMs ?? -Infinity;
  }

  /** Puts somebody in quarantine, each time for twice as long. @returns for how long: `atLeastMs`, what is left, or longer. */
  offend(id: string, nowMs: number, atLeastMs = 0): number {
    const { quarantineMs, maxQuarantineMs, pardonAfterMs } = this.#options;
    const record = this.#recordOf(id);
    if (nowMs - record.lastOffenceMs > pardonAfterMs) record.offences = 0;
    record.offences++;
    record.lastOffenceMs = nowMs;
    const usualMs = Math.min(maxQuarantineMs, quarantineMs * 2 ** Math.min(record.offences - 1, 30));
    const forMs = Math.max(atLeastMs, usualMs, record.quarantinedUntilMs - nowMs);
    record.quarantinedUntilMs = nowMs + forMs;
    return forMs;
  }

  noteHang(id: string): void {
    this.#recordOf(id).hangs++;
  }

  /** How often it was hung, as far as it is remembered; at most so often that doubling a time as many times makes sense. */
  hangsOf(id: string): number {
    return Math.min(10, this.#records.get(id)?.hangs ?? 0);
  }

  /** The offence was none. */
  pardon(id: string): void {
    this.#records.delete(id);
  }

  /** Notes a broken connection. @returns whether they are too many. */
  noteLoss(id: string, nowMs: number): boolean {
    const { maxFlaps, flapWindowMs } = this.#options;
    const record = this.#recordOf(id);
    record.losses = [...record.losses.filter((at) => nowMs - at < flapWindowMs), nowMs].slice(-maxFlaps - 1);
    if (record.losses.length <= maxFlaps) return false;
    record.losses = [];
    return true;
  }

  #recordOf(id: string): Conduct {
    let record = this.#records.get(id);
    if (record === undefined) {
      record = { offences: 0, lastOffenceMs: -Infinity, hangs: 0, quarantinedUntilMs: -Infinity, losses: [] };
      this.#records.set(id, record);
      if (this.#records.size > MAX_RECORDS) this.#records.delete(this.#records.keys().next().value!);
    }
    return record;
  }
}
