// How progress looks, for set-up, which runs before any dependency is installed, and for the program.

/** Linux's own console has none of the finer characters. */
const [FULL, HALF, EMPTY] = process.env['TERM'] === 'linux' ? ['#', '', '-'] : ['━', '╸', '─'];

/**
 * A bar of `width` columns in two parts, so that whoever prints it may colour them.
 * @param {number} fraction what is done, 0 to 1
 * @param {number} width
 * @returns {[done: string, left: string]}
 */
export function progressBar(fraction, width) {
  const columns = Math.min(1, Math.max(0, fraction)) * width;
  const whole = Math.floor(columns);
  const done = FULL.repeat(whole) + (columns - whole >= 0.5 ? HALF : '');
  return [done, EMPTY.repeat(width - done.length)];
}

/**
 * `0:42`, `12:05`, `1:02:03`.
 * @param {number} seconds
 */
export function durationText(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [minutes, rest] = [Math.floor(whole / 60), String(whole % 60).padStart(2, '0')];
  return minutes < 60
    ? `${minutes}:${rest}`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
}

/** "120 of 274 MB", or "120 MB" when nobody knows how much there will be. */
export function megabytes(bytes, total) {
  const count = Math.round(bytes / 1e6);
  return total ? `${count} of ${Math.round(total / 1e6)} MB` : `${count} MB`;
}

/** How fast is what has happened within this time. */
const WINDOW_MS = 10_000;
/** A rate is not known before. */
const LEAST_MS = 500;

/** How long something takes that says now and then how far it is. */
export class TimeLeft {
  /** @type {{ done: number, ms: number }[]} */
  #seen = [];

  /**
   * @param {number} done so much, of `total`
   * @param {number} total
   * @param {number} ms of a clock that never goes back
   * @returns {number | null} seconds; null while it is not known
   */
  note(done, total, ms) {
    // Something else began.
    if (done < (this.#seen.at(-1)?.done ?? 0)) this.#seen = [];
    if (done !== this.#seen.at(-1)?.done) this.#seen.push({ done, ms });
    while (this.#seen.length > 2 && ms - this.#seen[1].ms > WINDOW_MS) this.#seen.shift();
    const [first] = this.#seen;
    if (done <= first.done || ms - first.ms < LEAST_MS) return null;
    return ((total - done) * (ms - first.ms)) / (1_000 * (done - first.done));
  }
}
