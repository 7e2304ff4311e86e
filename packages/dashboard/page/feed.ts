import { Replay } from '../src/replay/replay.ts';

/** Whether what is shown is what is: a report shows what was. */
export type FeedState = 'connecting' | 'live' | 'lost' | 'saved';

/** After a connection is lost another is tried. Often: a run that is resumed here may be over soon. */
const RETRY_MS = 1_000;
/** Of runs that are over: nobody is expected. */
const LATE_RETRY_MS = 5_000;
/** A door that has said nothing for so long is gone: it gives a sign of life every 10 s. */
const SILENT_MS = 30_000;
/** Lines are read for so long at a time; then the page may draw and be used. */
const READ_MS = 8;

/**
 * Replays runs and follows them. A connection that is lost is opened again from the next line, so that nothing is missing and
 * nothing comes twice: with the coordinator that was lost, or with the one that resumed the run at the same address. If another run
 * is there now, the replay begins anew.
 *
 * Reads the events by `fetch`: an `EventSource` doesn't tell why it was refused, and of one browser only six reach a door.
 */
export class Feed {
  /** In the order of the names. */
  replays: readonly Replay[];
  state: FeedState = 'connecting';
  /** In the door's words, why it doesn't send the runs; null where it does, or where nobody answers. */
  refusal: string | null = null;
  /** Whether another run has come to the place of the one that was shown at first. */
  isAnother = false;
  readonly #names: readonly (string | null)[];
  readonly #onChange: () => void;
  readonly #closed = new AbortController();

  /** @param names of runs; null for the only one. @param onChange called often. */
  constructor(names: readonly (string | null)[], onChange: () => void) {
    this.#names = names;
    this.replays = names.map(() => new Replay());
    this.#onChange = onChange;
    void this.#follow();
  }

  close(): void {
    this.#closed.abort();
  }

  async #follow(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      const isAnother = await this.#read().catch(() => false);
      if (this.#closed.signal.aborted) return;
      if (isAnother) {
        this.isAnother = true;
        this.replays = this.#names.map(() => new Replay());
        continue;
      }
      this.#become('lost');
      const areOver = this.replays.every(({ summary }) => summary !== null);
      await new Promise((resolve) => setTimeout(resolve, areOver ? LATE_RETRY_MS : RETRY_MS));
    }
  }

  /** Follows the runs until the connection ends. @returns whether other runs are there now. */
  async #read(): Promise<boolean> {
    const silent = new AbortController();
    let timer = 0;
    const isHeard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENT_MS);
    };
    try {
      isHeard();
      const signal = AbortSignal.any([this.#closed.signal, silent.signal]);
      const answer = await fetch(this.#address(), { signal });
      if (answer.status === 409) return true;
      this.refusal = answer.ok ? null : (await answer.text()).trim();
      if (!answer.ok) return false;
      this.#become('live');
      const body = answer.body!.getReader();
      const lines = new MessageLines((index, line) => this.replays[index]!.readLine(line));
      for (let piece = await body.read(); !piece.done; piece = await body.read()) {
        isHeard();
        lines.take(piece.value);
        while (lines.readFor(READ_MS)) {
          this.#onChange();
          await nextTask();
        }
        this.#onChange();
      }
      return false;
    } catch (error) {
      // Nobody answers, or not any more.
      this.refusal = null;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Of what follows the lines that are there. */
  #address(): string {
    const query = new URLSearchParams();
    for (const [index, name] of this.#names.entries()) {
      const { lines, firstAt } = this.replays[index]!;
      if (name !== null) query.append('run', name);
      query.append('from', String(lines));
      query.append('first', firstAt === null ? '' : String(firstAt));
    }
    return `v1/events?${query}`;
  }

  #become(state: FeedState): void {
    this.state = state;
    this.#onChange();
  }
}

/** The lines of logs in a stream of server-sent events, whose pieces end anywhere. */
class MessageLines {
  readonly #onLine: (log: number, line: string) => void;
  readonly #decoder = new TextDecoder();
  #text = '';
  /** Of what was not read yet. */
  #start = 0;
  #log = 0;

  constructor(onLine: (log: number, line: string) => void) {
    this.#onLine = onLine;
  }

  take(bytes: Uint8Array): void {
    this.#text = this.#text.slice(this.#start) + this.#decoder.decode(bytes, { stream: true });
    this.#start = 0;
  }

  /** Reads what there is, for so long. @returns whether there is more. */
  readFor(ms: number): boolean {
    const until = performance.now() + ms;
    for (let end = this.#nextEnd(); end >= 0; end = this.#nextEnd()) {
      const line = this.#text.slice(this.#start, end);
      this.#start = end + 1;
      if (line.startsWith('data: ')) this.#onLine(this.#log, line.slice(6));
      // A message of one log alone says nothing about it.
      else if (line.startsWith('event: ')) this.#log = Number(line.slice(7));
      if (performance.now() > until) return true;
    }
    return false;
  }

  #nextEnd(): number {
    return this.#text.indexOf('\n', this.#start);
  }
}

/** Sooner than a timer, which waits 4 ms. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
