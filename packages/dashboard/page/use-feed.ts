import { useEffect, useState } from 'preact/hooks';
import type { Replay } from '../src/replay/replay.ts';
import { Feed, type FeedState } from './feed.ts';

/** The page is drawn anew this often at most, however many events come. */
const DRAW_EVERY_MS = 250;

/** What is known of the runs that a page follows. */
export interface Followed {
  readonly replays: readonly Replay[];
  readonly state: FeedState;
  /** As of {@link Feed}. */
  readonly refusal: string | null;
  readonly isAnother: boolean;
  readonly now: number;
}

/** Follows runs while the component is there. @param names null for the only one. */
export function useFeed(names: readonly (string | null)[]): Followed {
  const [feed, setFeed] = useState<Feed | null>(null);
  const [, redraw] = useState(0);
  useEffect(() => {
    let timer = 0;
    const drawSoon = () => {
      timer ||= setTimeout(() => {
        timer = 0;
        redraw((count) => count + 1);
      }, DRAW_EVERY_MS);
    };
    const opened = new Feed(names, drawSoon);
    setFeed(opened);
    // Time passes although nothing happens.
    const ticking = setInterval(drawSoon, 1_000);
    return () => {
      opened.close();
      clearInterval(ticking);
      clearTimeout(timer);
    };
  }, [JSON.stringify(names)]);
  const { replays = [], state = 'connecting', refusal = null, isAnother = false } = feed ?? {};
  return { replays, state, refusal, isAnother, now: Date.now() };
}
