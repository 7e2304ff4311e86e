import type { WorkerId } from '@convoy/training/coordinator/events';

/** Remembered at most of workers that are gone: anybody can be admitted under a new name again and again. */
const MAX_GONE = 4_096;

/** The ranks that workers have had, for when they come back, and what proves that it is they. */
export class Ranks {
  readonly #known = new Map<WorkerId, { readonly rank: number; readonly secret: string | null }>();
  #next = 0;

  /** A worker's rank: that which it had before, or the next. */
  of(id: WorkerId): number {
    return this.#known.get(id)?.rank ?? this.#next++;
  }

  /** Whether a peer that calls itself so is another process than the one that did before. */
  isImpostor(id: WorkerId, secret: string | null): boolean {
    const known = this.#known.get(id);
    return known !== undefined && known.secret !== secret;
  }

  /** @param isHere whether a worker takes part now: those that do are not forgotten. */
  remember(id: WorkerId, rank: number, secret: string | null, isHere: (id: WorkerId) => boolean): void {
    this.#known.set(id, { rank, secret });
    if (this.#known.size <= MAX_GONE) return;
    for (const other of this.#known.keys()) if (!isHere(other)) return void this.#known.delete(other);
  }
}
