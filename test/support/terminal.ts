import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
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
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcess;
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[], { rows, columns }: Size, env: Readonly<Record<string, string>> = {}) {
    this.#process = spawn('python3', [SCRIPT, String(rows), String(columns), process.execPath, PROGRAM, ...args], {
      env: { ...process.env, ...env, TERM: 'xterm-256color' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
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

  resize({ rows, columns }: Size): void {
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
