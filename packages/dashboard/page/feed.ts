import { Replay } from '../src/replay/replay.ts';

/** Whether what is shown is what is. */
export type FeedState = 'connecting' | 'live' | 'lost';

/** After a connection is lost another is tried: soon at first, then less often. */
const RETRY_MS = [500, 1_000, 2_000, 3_000];

/**
 * Replays a run and follows it. A connection that is lost is opened again from the next line, so that nothing is missing and
 * nothing comes twice: with the coordinator that was lost, or with the one that resumed the run at the same address.
 */
export class Feed {
  readonly replay = new Replay();
  state: FeedState = 'connecting';
  readonly #address: string;
  readonly #onChange: () => void;
  #source: EventSource | null = null;
  #timer = 0;
  #failures = 0;

  /** @param run null for the only one. */
  constructor(run: string | null, onChange: () => void) {
    this.#address = `v1/events?${run === null ? '' : `run=${encodeURIComponent(run)}&`}from=`;
    this.#onChange = onChange;
    this.#open();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  #open(): void {
    const source = new EventSource(this.#address + this.replay.lines);
    this.#source = source;
    source.onopen = () => {
      this.#failures = 0;
      this.#become('live');
    };
    source.onmessage = ({ data }: MessageEvent<string>) => {
      for (const line of data.split('\n')) this.replay.readLine(line);
      this.#onChange();
    };
    source.onerror = () => {
      // Never by itself: it does not know how many lines came.
      source.close();
      this.#become('lost');
      const delay = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)];
      this.#timer = setTimeout(() => this.#open(), delay);
    };
  }

  #become(state: FeedState): void {
    this.state = state;
    this.#onChange();
  }
}
