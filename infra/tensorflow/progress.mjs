/**
 * Lines for somebody who waits. `say` is kept; `update` replaces the one before it on a terminal, and is thinned out to a
 * line every few seconds where lines can't be rewritten.
 *
 * @param {NodeJS.WriteStream | { write(text: string): unknown, isTTY?: boolean, columns?: number }} stream
 * @param {{ everyMs?: number, now?: () => number }} [options]
 */
export function createProgress(stream, { everyMs = 4_000, now = () => performance.now() } = {}) {
  const erase = '\r\x1b[2K';
  let rewritable = false;
  let lastAt = -Infinity;

  return {
    /** @param {string} line */
    say(line) {
      stream.write(`${rewritable ? erase : ''}${line}\n`);
      rewritable = false;
      lastAt = now();
    },
    /** @param {string} line */
    update(line) {
      if (stream.isTTY) {
        // A line longer than the terminal would wrap and could not be erased.
        stream.write(erase + line.slice(0, (stream.columns ?? 80) - 1));
        rewritable = true;
      } else if (now() - lastAt >= everyMs) {
        stream.write(`${line}\n`);
        lastAt = now();
      }
    },
    /** Takes an unfinished line off the terminal. */
    end() {
      if (rewritable) stream.write(erase);
      rewritable = false;
    },
  };
}

/** "120 of 274 MB", or "120 MB" when nobody knows how much there will be. */
export function megabytes(bytes, total) {
  const count = Math.round(bytes / 1e6);
  return total ? `${count} of ${Math.round(total / 1e6)} MB` : `${count} MB`;
}
