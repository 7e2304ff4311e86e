import { useState } from 'preact/hooks';
import type { Replay } from '../src/replay/replay.ts';
import { KINDS, type Kind } from '../src/replay/words.ts';
import { clock } from './text.ts';

/** Shown at first, and more with each press of the button. */
const SHOWN = 30;

/** What happened, newest first. */
export function EventList({ replay }: { readonly replay: Replay }) {
  const [hidden, setHidden] = useState<ReadonlySet<Kind>>(new Set());
  const [words, setWords] = useState('');
  const [shown, setShown] = useState(SHOWN);
  const wanted = words.trim().toLowerCase();
  const fitting = replay.told.filter(
    ({ kind, text }) => !hidden.has(kind) && (wanted === '' || text.toLowerCase().includes(wanted)),
  );
  const toggle = (kind: Kind) => {
    const next = new Set(hidden);
    if (!next.delete(kind)) next.add(kind);
    setHidden(next);
  };
  return (
    <section class="card" aria-label="Events">
      <header>
        <h2>Events</h2>
        <div class="filter" role="group" aria-label="Kinds of events">
          {KINDS.map((kind) => (
            <button key={kind} type="button" aria-pressed={!hidden.has(kind)} onClick={() => toggle(kind)}>
              {kind}
            </button>
          ))}
          <input
            type="search"
            placeholder="Search"
            aria-label="Search in events"
            value={words}
            onInput={({ currentTarget }) => setWords(currentTarget.value)}
          />
        </div>
      </header>
      {fitting.length === 0 && <p class="empty">No event fits.</p>}
      <ol class="events" tabIndex={0} aria-label="Events, newest first">
        {fitting
          .slice(-shown)
          .reverse()
          .map(({ line, at, kind, text, isWarning }) => (
            <li key={line} class={isWarning ? 'warning' : ''}>
              <time dateTime={new Date(at).toISOString()}>{clock(at)}</time>
              <span class="kind">{kind}</span>
              <span>{text}</span>
            </li>
          ))}
      </ol>
      {fitting.length > shown && (
        <button type="button" onClick={() => setShown(shown + 5 * SHOWN)}>
          Show older ones ({fitting.length - shown} more)
        </button>
      )}
    </section>
  );
}
