import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Screen } from '@convoy/cli/terminal/screen.fixture';
import { PROGRAM } from './convoy.ts';

const SCRIPT = fileURLToPath(new URL('./terminal.py', import.meta.url));

/** A terminal's size in characters; a new pseudo-terminal has none of either until somebody says so. */
export interface Size {
  readonly rows: number;
  readonly columns: number;
}

/** A `convoy` command in a terminal of its own. */
export class ConvoyInTerminal {
  /** Everything that was sent to the terminal so far. */
  output = '';
  /** What can be read on it. */
  readonly screen: Screen;
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcess;
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[], { rows, columns }: Size, env: Readonly<Record<string, string>> = {}) {
    this.screen = new Screen({ rows: rows || 24, columns: columns || 80 });
    this.#process = spawn('python3', [SCRIPT, String(rows), String(columns), process.execPath, PROGRAM, ...args], {
      // The screen is the emulator that editors have.
      env: { ...process.env, TERM: 'xterm-256color', TERM_PROGRAM: 'vscode', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      this.screen.write(text);
      for (const look of this.#waiting) look();
    });
    this.ended = new Promise((resolve, reject) => {
      this.#process.on('error', reject);
      this.#process.on('close', resolve);
    });
  }

  /** Waits until the terminal was sent something that matches, after a place in the output. */
  async shown(pattern: RegExp, after = 0): Promise<RegExpMatchArray> {
    let look = () => {};
    const found = new Promise<RegExpMatchArray>((resolve) => {
      look = () => {
        const match = this.output.slice(after).match(pattern);
        if (match !== null) resolve(match);
      };
      look();
    });
    this.#waiting.add(look);
    const ended = this.ended.then((code): never => {
      throw new Error(`it ended (${code}) before it showed ${pattern}:\n${this.output}`);
    });
    try {
      return await Promise.race([found, ended]);
    } finally {
      this.#waiting.delete(look);
    }
  }

  /** Waits until the terminal's lines match all of these at one time. */
  async screenShows(...patterns: readonly RegExp[]): Promise<void> {
    for (;;) {
      const more = this.shown(/[^]/, this.output.length);
      const text = (await this.screen.lines()).join('\n');
      if (patterns.every((pattern) => pattern.test(text))) return void more.catch(() => {});
      await more;
    }
  }

  async resize({ rows, columns }: Size): Promise<void> {
    await this.screen.resize(columns, rows);
    this.#process.stdin!.write(`size ${rows} ${columns}\n`);
  }

  /** Types a text; Enter is \r. */
  type(text: string): void {
    for (const byte of Buffer.from(text)) this.#process.stdin!.write(`key ${byte}\n`);
  }

  /** Types Ctrl and a letter. */
  control(letter: string): void {
    this.#process.stdin!.write(`key ${letter.toUpperCase().charCodeAt(0) - 64}\n`);
  }
}
