import { suspendWithProgram } from './job-control.ts';

/** A terminal, as far as a live line goes. */
export interface Terminal {
  readonly isTTY?: boolean;
  /** The number of columns; 0 or undefined where the terminal has not been told its size yet. */
  readonly columns?: number;
  write: (chunk: string | Uint8Array, ...rest: never[]) => boolean;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** Taken for a terminal that does not say how wide it is. */
const DEFAULT_COLUMNS = 80;
/** Linux's own console has no Braille. */
const FRAMES = process.env['TERM'] === 'linux' ? [...'-\\|/'] : [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
const FRAME_MS = 80;
/** Between the parts of a line, of which a narrow terminal shows the first. */
export const PART_SEPARATOR = ' · ';

const ERASE_BELOW = '\x1b[J';
const [WRAP_OFF, WRAP_ON] = ['\x1b[?7l', '\x1b[?7h'];
const [HIDE_CURSOR, SHOW_CURSOR] = ['\x1b[?25l', '\x1b[?25h'];

/**
 * One line at the bottom of a terminal that changes in place, with everything else written above it.
 *
 * The cursor rests at the line's beginning and never moves up. So nothing above can be erased, and "erase what is below" takes
 * the whole line even where a narrower terminal has broken it over several rows: no count of rows has to be right, as a
 * library's that goes up row by row must be.
 */
export class LiveLine {
  readonly #stream: Terminal;
  readonly #decorate: (frame: string) => string;
  /** Streams that share the terminal, with the `write` that each had. */
  readonly #hooked: readonly { readonly stream: Terminal; readonly write: Terminal['write'] }[];
  #text = '';
  #frame = 0;
  #timer: NodeJS.Timeout | null = null;
  /** Somebody wrote half a line: the rest comes before anything else. */
  #isMidLine = false;
  #writing = false;
  #leaveJob: () => void = () => {};

  /**
   * @param stream where the line is.
   * @param others streams that may be the same terminal: what is written to them is put above the line.
   */
  constructor(stream: Terminal, others: readonly Terminal[] = [], decorate = (frame: string) => frame) {
    this.#stream = stream;
    this.#decorate = decorate;
    this.#hooked = [...new Set([stream, ...others])]
      .filter(({ isTTY }) => isTTY)
      .map((hooked) => ({ stream: hooked, write: hooked.write }));
  }

  get isLive(): boolean {
    return this.#timer !== null;
  }

  /** Shows the line, or another text in it. */
  set(text: string): void {
    this.#text = text;
    if (this.isLive) return this.#draw();
    this.#timer = setInterval(this.#next, FRAME_MS);
    this.#timer.unref();
    for (const { stream, write } of this.#hooked) stream.write = this.#writeAbove(stream, write);
    this.#stream.on('resize', this.#draw);
    this.#leaveJob = suspendWithProgram({ suspend: this.#suspend, resume: this.#resume });
    // However the program ends, the terminal gets its cursor back.
    process.on('exit', this.stop);
    this.#put(HIDE_CURSOR);
    this.#draw();
  }

  /** Removes the line. */
  readonly stop = (): void => {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    process.off('exit', this.stop);
    this.#leaveJob();
    this.#stream.off('resize', this.#draw);
    for (const { stream, write } of this.#hooked) stream.write = write;
    this.#put(`${this.#isMidLine ? '' : ERASE_BELOW}${SHOW_CURSOR}`);
    this.#isMidLine = false;
  };

  readonly #next = (): void => {
    this.#frame = (this.#frame + 1) % FRAMES.length;
    this.#draw();
  };

  readonly #draw = (): void => {
    if (this.#isMidLine) return;
    // A column is left free: a character in the last one leaves the cursor where terminals disagree.
    const width = (this.#stream.columns || DEFAULT_COLUMNS) - 1;
    const [frame = '', ...rest] = fitted(`${FRAMES[this.#frame]} ${this.#text}`, width);
    // Without wrapping even a text that is wider than it was counted stays in its row.
    this.#put(`${WRAP_OFF}${this.#decorate(frame)}${rest.join('')}${ERASE_BELOW}${WRAP_ON}\r`);
  };

  #put(text: string): void {
    this.#writing = true;
    try {
      this.#stream.write(text);
    } finally {
      this.#writing = false;
    }
  }

  /** What others write while the line is there goes above it. */
  #writeAbove(stream: Terminal, write: Terminal['write']): Terminal['write'] {
    return (chunk, ...rest) => {
      if (this.#writing) return write.call(stream, chunk, ...rest);
      if (!this.#isMidLine) this.#put(ERASE_BELOW);
      const isTaken = write.call(stream, chunk, ...rest);
      const end = typeof chunk === 'string' ? chunk.at(-1) : String.fromCharCode(chunk.at(-1) ?? 0);
      if (chunk.length > 0) this.#isMidLine = end !== '\n';
      this.#draw();
      return isTaken;
    };
  }

  readonly #suspend = (): void => {
    // The shell's prompt may be there already: what is left of the cursor is not ours.
    this.#put(`${ERASE_BELOW}${SHOW_CURSOR}`);
    if (this.#timer !== null) clearInterval(this.#timer);
  };

  readonly #resume = (): void => {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = setInterval(this.#next, FRAME_MS);
    this.#timer.unref();
    this.#put(HIDE_CURSOR);
    this.#draw();
  };
}

/** As many of the text's characters as fit: whole parts of it, if one does. */
function fitted(text: string, width: number): readonly string[] {
  const characters = [...text];
  if (characters.length <= width) return characters;
  const start = characters.slice(0, width + PART_SEPARATOR.length).join('');
  const end = start.lastIndexOf(PART_SEPARATOR);
  return end > 0 ? [...start.slice(0, end)] : characters.slice(0, width);
}
