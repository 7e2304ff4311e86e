import { suspendWithProgram } from '../job-control.ts';
import { columnsOf } from './columns.ts';

/** A terminal, as far as a live view goes. */
export interface Terminal {
  readonly isTTY?: boolean;
  /** The number of columns; 0 or undefined where the terminal has not been told its size yet. */
  readonly columns?: number;
  /** The number of rows, likewise. */
  readonly rows?: number;
  write: (chunk: string | Uint8Array, ...rest: never[]) => boolean;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** The room that there is, in characters. */
export interface Room {
  readonly columns: number;
  readonly rows: number;
}

/** The lines of a view at this moment; none may be wider than the room. */
export type Render = (room: Room) => readonly string[];

/** Taken for a terminal that does not say how large it is. */
const DEFAULT_SIZE: Room = { columns: 80, rows: 24 };
/** Linux's own console has no Braille. */
const SPINNER = process.env['TERM'] === 'linux' ? [...'-\\|/'] : [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
/** Ten frames a second at most, whatever happens: a slow connection has time for each. */
const FRAME_MS = 100;
/** All lines are written anew so often: somebody else may have written to the terminal, or pressed Enter. */
const WHOLE_EVERY_FRAMES = 20;
/** Before every line; the spinner's column and a space in the first. */
const MARGIN = 2;

const [ERASE_BELOW, ERASE_REST_OF_LINE] = ['\x1b[J', '\x1b[K'];
const [WRAP_OFF, WRAP_ON] = ['\x1b[?7l', '\x1b[?7h'];
const [HIDE_CURSOR, SHOW_CURSOR] = ['\x1b[?25l', '\x1b[?25h'];
/** What comes between them is shown at once; a terminal that does not know them ignores them. */
const [FRAME_BEGINS, FRAME_ENDS] = ['\x1b[?2026h', '\x1b[?2026l'];

/**
 * Some lines at the bottom of a terminal that change in place, with everything else written above them.
 *
 * Between frames the cursor rests at the beginning of the first line. So "erase what is below" takes the whole view, over however
 * many rows a terminal that was made narrower has broken it. The cursor moves up only over rows that the same frame has just gone
 * down, so no count from before a resize has to be right, as a library's that erases upwards must be. xterm.js is the exception
 * ({@link LiveView.#rowsSunk}).
 */
export class LiveView {
  readonly #stream: Terminal;
  readonly #decorate: (frame: string) => string;
  readonly #isXtermJs = process.env['TERM_PROGRAM'] === 'vscode';
  /** Streams that share the terminal, with the `write` that each had. */
  readonly #hooked: readonly { readonly stream: Terminal; readonly write: Terminal['write'] }[];
  #render: Render = () => [];
  /** The lines as they are on the terminal; null where they are not. */
  #drawn: readonly string[] | null = null;
  #frame = 0;
  #state: 'off' | 'shown' | 'suspended' = 'off';
  #timer: NodeJS.Timeout | null = null;
  #redraw: NodeJS.Immediate | null = null;
  /** Somebody wrote half a line: the rest comes before anything else. */
  #isMidLine = false;
  #writing = false;
  #leaveJob: () => void = () => {};

  /**
   * @param stream where the view is.
   * @param others streams that may be the same terminal: what is written to them is put above the view.
   */
  constructor(stream: Terminal, others: readonly Terminal[] = [], decorate = (frame: string) => frame) {
    this.#stream = stream;
    this.#decorate = decorate;
    this.#hooked = [...new Set([stream, ...others])]
      .filter(({ isTTY }) => isTTY)
      .map((hooked) => ({ stream: hooked, write: hooked.write }));
  }

  /** Shows the view, or another in its place. It is asked for its lines at each frame. */
  show(render: Render): void {
    this.#render = render;
    if (this.#state !== 'off') return;
    this.#state = 'shown';
    this.#startTimer();
    for (const { stream, write } of this.#hooked) stream.write = this.#writeAbove(stream, write);
    this.#stream.on('resize', this.#resized);
    this.#leaveJob = suspendWithProgram({ suspend: this.#suspend, resume: this.#resume });
    // However the program ends, the terminal gets its cursor back.
    process.on('exit', this.stop);
    this.#put(HIDE_CURSOR);
    this.#drawWhole();
  }

  /** Removes the view. */
  readonly stop = (): void => {
    if (this.#state === 'off') return;
    this.#state = 'off';
    this.#stopTimer();
    process.off('exit', this.stop);
    this.#leaveJob();
    this.#stream.off('resize', this.#resized);
    for (const { stream, write } of this.#hooked) stream.write = write;
    this.#put(`${this.#isMidLine ? '' : ERASE_BELOW}${SHOW_CURSOR}`);
    this.#isMidLine = false;
  };

  #startTimer(): void {
    this.#timer = setInterval(this.#next, FRAME_MS);
    this.#timer.unref();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#redraw !== null) clearImmediate(this.#redraw);
    this.#timer = this.#redraw = this.#drawn = null;
  }

  readonly #next = (): void => {
    this.#frame++;
    if (this.#frame % WHOLE_EVERY_FRAMES === 0) this.#drawWhole();
    else this.#draw();
  };

  readonly #resized = (): void => {
    // Whole rows of what was there may be elsewhere now.
    if (!this.#isMidLine) this.#put(`${up(this.#rowsSunk())}${ERASE_BELOW}`);
    this.#drawWhole();
  };

  /**
   * So many rows xterm.js, which is the terminal of editors, has put the cursor too low: it moves it down by each row that breaking
   * lines has made, those below the cursor included. From the last line up, it leaves alone the one where the cursor is by then.
   */
  #rowsSunk(): number {
    if (!this.#isXtermJs || this.#drawn === null) return 0;
    const columns = this.#stream.columns || DEFAULT_SIZE.columns;
    let sunk = 0;
    for (const [at, line] of [...this.#drawn.entries()].reverse()) {
      const more = Math.ceil((MARGIN + columnsOf(line)) / columns) - 1;
      if (more > 0 && at !== sunk) sunk += more;
    }
    return sunk;
  }

  #drawWhole(): void {
    this.#drawn = null;
    this.#draw();
  }

  #draw(): void {
    if (this.#isMidLine || this.#state !== 'shown') return;
    const spinner = this.#decorate(SPINNER[this.#frame % SPINNER.length]!);
    const lines = this.#lines();
    const drawn = this.#drawn;
    this.#drawn = lines;
    const isSameShape = drawn?.length === lines.length;
    if (isSameShape && lines.every((line, row) => line === drawn[row])) return this.#put(`${spinner}\r`);
    let row = 0;
    let text = '';
    for (const [at, line] of lines.entries()) {
      if (isSameShape && line === drawn[at]) continue;
      // Rows that are there are gone down; those that are not yet are made, which may scroll what is above.
      text += isSameShape ? down(at - row) : '\r\n'.repeat(at - row);
      text += `\r${' '.repeat(MARGIN)}${line}${ERASE_REST_OF_LINE}`;
      row = at;
    }
    const end = `${isSameShape ? '' : ERASE_BELOW}${up(row)}\r${spinner}\r`;
    // Without wrapping even a text that is wider than it was counted stays in its row.
    this.#put(`${FRAME_BEGINS}${WRAP_OFF}${text}${end}${WRAP_ON}${FRAME_ENDS}`);
  }

  #lines(): readonly string[] {
    const columns = this.#stream.columns || DEFAULT_SIZE.columns;
    const rows = this.#stream.rows || DEFAULT_SIZE.rows;
    // A column is left free: a character in the last one leaves the cursor where terminals disagree.
    const lines = this.#render({ columns: Math.max(1, columns - MARGIN - 1), rows });
    return lines.slice(0, Math.max(1, rows - 1));
  }

  #put(text: string): void {
    this.#writing = true;
    try {
      this.#stream.write(text);
    } finally {
      this.#writing = false;
    }
  }

  /** What others write while the view is there goes above it. */
  #writeAbove(stream: Terminal, write: Terminal['write']): Terminal['write'] {
    return (chunk, ...rest) => {
      if (this.#writing) return write.call(stream, chunk, ...rest);
      if (!this.#isMidLine && this.#drawn !== null) this.#put(ERASE_BELOW);
      this.#drawn = null;
      const isTaken = write.call(stream, chunk, ...rest);
      const end = typeof chunk === 'string' ? chunk.at(-1) : String.fromCharCode(chunk.at(-1) ?? 0);
      if (chunk.length > 0) this.#isMidLine = end !== '\n';
      // Many lines that come together move the view down once.
      this.#redraw ??= setImmediate(() => {
        this.#redraw = null;
        this.#draw();
      });
      return isTaken;
    };
  }

  readonly #suspend = (): void => {
    // The shell's prompt may be there already: what is left of the cursor is not ours.
    this.#put(`${ERASE_BELOW}${SHOW_CURSOR}`);
    this.#stopTimer();
    this.#state = 'suspended';
  };

  readonly #resume = (): void => {
    // It also comes where nothing had been stopped.
    this.#stopTimer();
    this.#state = 'shown';
    this.#startTimer();
    this.#put(HIDE_CURSOR);
    this.#drawWhole();
  };
}

const down = (rows: number) => (rows > 0 ? `\x1b[${rows}B` : '');
const up = (rows: number) => (rows > 0 ? `\x1b[${rows}A` : '');
