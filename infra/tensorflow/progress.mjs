/**
 * Lines for somebody who waits. `say` is kept; `update` replaces the one before it on a terminal, and is thinned out to a
 * line every few seconds where lines can't be rewritten.
 *
 * @param {NodeJS.WriteStream | { write(text: string): unknown, isTTY?: boolean, columns?: number }} stream
 * @param {{ everyMs?: number, now?: () => number }} [options]
 */
export function createProgress(stream, { everyMs = 4_000, now = () => performance.now() } = {}) {
  const erase = '\r\x1b[2K';
  /** What is to be erased before the next line. */
  let onTerminal = '';
  let lastAt = -Infinity;

  return {
    /** @param {string} line */
    say(line) {
      stream.write(`${onTerminal && erase}${line}\n`);
      onTerminal = '';
      lastAt = now();
    },
    /** @param {string} line */
    update(line) {
      if (stream.isTTY) {
        // A line longer than the terminal would wrap and could not be erased.
        const shown = line.slice(0, (stream.columns || 80) - 1);
        if (shown !== onTerminal) stream.write(erase + shown);
        onTerminal = shown;
      } else if (now() - lastAt >= everyMs) {
        stream.write(`${line}\n`);
        lastAt = now();
      }
    },
    /** Takes an unfinished line off the terminal. */
    end() {
      if (onTerminal) stream.write(erase);
      onTerminal = '';
    },
  };
}

/** "120 of 274 MB", or "120 MB" when nobody knows how much there will be. */
export function megabytes(bytes, total) {
  const count = Math.round(bytes / 1e6);
  return total ? `${count} of ${Math.round(total / 1e6)} MB` : `${count} MB`;
}
