import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { RunSummary } from '@convoy/protocol/run-events';
import { suspendWithProgram } from '../job-control.ts';

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
}

/** Lines kept to say what a process said before an end that nobody meant. */
const LAST_LINES = 12;
const children = new Set<ChildProcess>();

// A stopped process would stay for ever where this program ends in the middle.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** A convoy command in a process of its own, which ends when this one does. */
export class ConvoyProcess {
  readonly pid: number | undefined;
  readonly ended: Promise<ChildEnd>;
  /** Whether somebody has to wake it. */
  isFrozen = false;
  hasEnded = false;
  readonly #child: ChildProcess;
  readonly #lastLines: string[] = [];

  /** @param main the program that this process is: its own main, run again. */
  constructor(main: string, args: readonly string[], onLine: (line: string) => void) {
    const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
      // The channel ends it when this process does, however it does.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // A group of its own: Ctrl-C reaches this process alone.
      detached: true,
    });
    this.#child = child;
    this.pid = child.pid;
    children.add(child);
    const leaveJob = suspendWithProgram({
      suspend: () => child.kill('SIGSTOP'),
      resume: () => {
        if (!this.isFrozen) child.kill('SIGCONT');
      },
    });
    let stdout = '';
    child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    createInterface({ input: child.stderr! }).on('line', (line) => {
      this.#lastLines.push(line);
      if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
      onLine(line);
    });
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        this.hasEnded = true;
        children.delete(child);
        leaveJob();
        resolve({ code, signal, stdout });
      };
      // 'close' comes when its output has been read to the end.
      child.once('close', end);
      // One that could not be started says why here, and has no exit.
      child.once('error', (error) => {
        onLine(`can't start: ${error.message}`);
        end(null, null);
      });
    });
  }

  /** What it said last. */
  get lastWords(): string {
    return this.#lastLines.join('\n    ');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  freeze(): void {
    this.isFrozen = true;
    this.#child.kill('SIGSTOP');
  }

  wake(): void {
    this.isFrozen = false;
    this.#child.kill('SIGCONT');
  }
}

export function howItEnded({ code, signal }: ChildEnd): string {
  return signal ?? `exit code ${code}`;
}

/** The figures that a run with `--json` printed; null when it printed nothing. */
export function summaryOf({ stdout }: ChildEnd): RunSummary | null {
  const line = stdout.trim();
  return line === '' ? null : (JSON.parse(line) as RunSummary);
}
