interface Entry {
  readonly atMs: number;
  /** Entries of the same time are done in the order in which they were made. */
  readonly number: number;
  readonly action: () => void;
}

/** What is going to happen, on a clock that jumps from one entry to the next: a binary heap. */
export class Agenda {
  readonly #heap: Entry[] = [];
  #nextNumber = 0;
  nowMs = 0;

  /** The time of the next entry; Infinity when there is none. */
  get nextAtMs(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0]!.atMs;
  }

  at(atMs: number, action: () => void): void {
    const heap = this.#heap;
    const entry = { atMs: Math.max(atMs, this.nowMs), number: this.#nextNumber++, action };
    let hole = heap.length;
    heap.push(entry);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (isBefore(heap[parent]!, entry)) break;
      heap[hole] = heap[parent]!;
      hole = parent;
    }
    heap[hole] = entry;
  }

  after(delayMs: number, action: () => void): void {
    this.at(this.nowMs + delayMs, action);
  }

  /** Goes to the next entry's time and does it. */
  advance(): void {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      let hole = 0;
      for (;;) {
        let child = 2 * hole + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
        if (isBefore(last, heap[child]!)) break;
        heap[hole] = heap[child]!;
        hole = child;
      }
      heap[hole] = last;
    }
    this.nowMs = first.atMs;
    first.action();
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
}
