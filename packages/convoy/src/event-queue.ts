/** What one side reports as it happens, for another that takes it at its own pace, once. */
export class EventQueue<Event> {
  readonly #limit: number;
  readonly #missed: (count: number) => Event;
  #waiting: Event[] = [];
  #missedCount = 0;
  #end: { readonly error: unknown } | null = null;
  #isTaken = false;
  #isLeft = false;
  #wake = () => {};

  /**
   * @param limit events that wait at most: the oldest make room for a newer one.
   * @param missed the event that stands for so many that made room.
   */
  constructor(limit: number, missed: (count: number) => Event) {
    this.#limit = limit;
    this.#missed = missed;
  }

  push(event: Event): void {
    if (this.#isLeft) return;
    // Twice the limit before they are moved: shifting one by one would cost the queue's length each time.
    if (this.#waiting.push(event) >= 2 * this.#limit) this.#trim();
    this.#wake();
  }

  /** Nothing comes any more. @param error thrown to the reader behind the last event, unless it is undefined. */
  end(error?: unknown): void {
    this.#end = { error };
    this.#wake();
  }

  /**
   * The events that wait, then those that come, to the end. A reader that leaves is not waited for and can't come back.
   * @throws TypeError when there is a reader already.
   */
  async *read(): AsyncGenerator<Event, void, undefined> {
    if (this.#isTaken) throw new TypeError('the events of a run can be read once');
    this.#isTaken = true;
    try {
      for (;;) {
        this.#trim();
        const batch = this.#waiting;
        this.#waiting = [];
        const missed = this.#missedCount;
        this.#missedCount = 0;
        if (missed > 0) yield this.#missed(missed);
        yield* batch;
        if (this.#waiting.length > 0) continue;
        if (this.#end !== null) break;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      if (this.#end.error !== undefined) throw this.#end.error;
    } finally {
      this.#isLeft = true;
      this.#waiting = [];
    }
  }

  #trim(): void {
    const excess = this.#waiting.length - this.#limit;
    if (excess <= 0) return;
    this.#waiting.splice(0, excess);
    this.#missedCount += excess;
  }
}
