import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { PROGRAM } from './convoy.ts';
import type { Size } from './terminal.ts';

/** Whether this machine has tmux. */
export const hasTmux = spawnSync('tmux', ['-V']).status === 0;

/** A `convoy` command in a window of tmux: a terminal that people use, which breaks lines anew when it is resized. */
export class ConvoyInTmux {
  /** A server of its own. */
  readonly #socket = `convoy-test-${randomUUID()}`;

  constructor(args: readonly string[], { rows, columns }: Size, env: Readonly<Record<string, string>> = {}) {
    const size = ['-x', String(columns), '-y', String(rows)];
    const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const command = [process.execPath, PROGRAM, ...args];
    this.#tmux('-f', '/dev/null', 'new-session', '-d', ...size, ...variables, ...command, ';', 'set', 'remain-on-exit', 'on', ';', 'set', 'status', 'off'); // prettier-ignore
    this.resize({ rows, columns });
  }

  /** The lines of its window, and those that have left it above. */
  lines(): readonly string[] {
    return this.#tmux('capture-pane', '-p', '-S', '-').trimEnd().split('\n');
  }

  resize({ rows, columns }: Size): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Types a key by tmux's name for it, such as `C-c`. */
  press(key: string): void {
    this.#tmux('send-keys', key);
  }

  close(): void {
    this.#tmux('kill-server');
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync('tmux', ['-L', this.#socket, ...args], { encoding: 'utf8' });
  }
}
