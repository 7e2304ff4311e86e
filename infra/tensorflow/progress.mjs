import { durationText, megabytes, progressBar, TimeLeft } from '../progress-bar.mjs';

/** Erases what comes after the cursor, over however many rows a terminal that was made narrower has broken it. */
const ERASE_BELOW = '\x1b[J';
const [WRAP_OFF, WRAP_ON] = ['\x1b[?7l', '\x1b[?7h'];
const BAR_COLUMNS = 24;
/** Ten changes a second at most. */
const FRAME_MS = 100;

/**
 * How much of something is there, in bytes.
 * @typedef {{ readonly done: number, readonly total: number }} Amount
 */

/**
 * Lines for somebody who waits. `say` is kept; `update` replaces the one before it on a terminal, with a bar if an amount is given,
 * and is thinned out to a line every few seconds where lines can't be rewritten.
 *
 * On a terminal the cursor rests at the beginning of the line that changes.
 *
 * @param {NodeJS.WriteStream | { write(text: string): unknown, isTTY?: boolean, columns?: number }} stream
 * @param {{ everyMs?: number, now?: () => number }} [options]
 */
export function createProgress(stream, { everyMs = 4_000, now = () => performance.now() } = {}) {
  const isCapable = stream.isTTY === true && process.env['TERM'] !== 'dumb';
  const timeLeft = new TimeLeft();
  /** What is to be erased before the next line. */
  let onTerminal = '';
  let lastAt = -Infinity;

  return {
    /** @param {string} line */
    say(line) {
      stream.write(`${onTerminal && ERASE_BELOW}${line}\n`);
      onTerminal = '';
      lastAt = now();
    },
    /**
     * @param {string} line
     * @param {Amount} [amount]
     */
    update(line, amount) {
      const at = now();
      const seconds = amount === undefined ? null : timeLeft.note(amount.done, amount.total, at);
      if (at - lastAt < (isCapable && onTerminal ? FRAME_MS : isCapable ? 0 : everyMs)) return;
      lastAt = at;
      const parts = textOf(line, amount, seconds);
      if (!isCapable) {
        stream.write(`${parts.join(' ')}\n`);
        return;
      }
      const shown = fitted(parts, amount, (stream.columns || 80) - 1);
      if (shown !== onTerminal) stream.write(`${WRAP_OFF}${shown}${ERASE_BELOW}${WRAP_ON}\r`);
      onTerminal = shown;
    },
    /** Takes an unfinished line off the terminal. */
    end() {
      if (onTerminal) stream.write(ERASE_BELOW);
      onTerminal = '';
    },
  };
}

/** @returns {string[]} the most important first */
function textOf(line, amount, seconds) {
  if (amount === undefined) return [line];
  return [line, megabytes(amount.done, amount.total), ...(seconds === null ? [] : [`(${durationText(seconds)} left)`])];
}

/** As many of the parts as have room, with a bar behind the first if it has. */
function fitted(parts, amount, columns) {
  const text = parts.join(' ');
  if (amount !== undefined && text.length + 1 + BAR_COLUMNS <= columns) {
    const [line, ...rest] = parts;
    return [line, progressBar(amount.done / amount.total, BAR_COLUMNS).join(''), ...rest].join(' ');
  }
  if (text.length <= columns) return text;
  return parts.length > 1 ? fitted(parts.slice(0, -1), undefined, columns) : text.slice(0, columns);
}
