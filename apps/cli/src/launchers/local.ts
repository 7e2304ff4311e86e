import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface LocalWorkersOptions {
  readonly count: number;
  /** Arguments of `convoy worker`. */
  readonly args: readonly string[];
  /** The program that this process is: its own main, run again. */
  readonly main: string;
  readonly onLine: (line: string) => void;
  /** A worker's process ended before `stop`. */
  readonly onExit: (exit: WorkerExit) => void;
}

export interface WorkerExit {
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Of all that were started. */
  readonly stillRunning: number;
}

/** TensorFlow's greeting, which no setting silences. */
const CHATTER = /^WARNING: All log messages before absl|^I0000 /;

/** Worker processes on this machine, as children of this process. */
export class LocalWorkers {
  readonly #children = new Set<ChildProcess>();
  readonly #ended: Promise<unknown>;
  #stopping = false;

  constructor({ count, args, main, onLine, onExit }: LocalWorkersOptions) {
    const endings: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      const child = spawn(process.execPath, [...process.execArgv, main, 'worker', ...args], {
        // The channel ends the worker when this process does, however it does.
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        // A group of its own: Ctrl-C reaches this process alone, which stops its workers when the run has ended.
        detached: true,
      });
      this.#children.add(child);
      createInterface({ input: child.stderr! }).on('line', (line) => {
        if (!CHATTER.test(line)) onLine(line);
      });
      endings.push(
        new Promise((resolve) => {
          // A process that could not be started has no 'exit'.
          const ended = (code: number | null, signal: NodeJS.Signals | null) => {
            if (!this.#children.delete(child)) return;
            if (!this.#stopping) onExit({ pid: child.pid, code, signal, stillRunning: this.#children.size });
            resolve();
          };
          child.once('error', (error) => {
            onLine(`can't start a worker: ${error.message}`);
            ended(null, null);
          });
          child.once('exit', ended);
        }),
      );
    }
    this.#ended = Promise.all(endings);
  }

  /** Waits for the workers to leave by themselves, as they do when the run is over; then asks them, then ends them. */
  async stop(patienceMs: number): Promise<void> {
    this.#stopping = true;
    const steps: NodeJS.Timeout[] = [
      setTimeout(() => this.#signal('SIGTERM'), patienceMs),
      setTimeout(() => this.#signal('SIGKILL'), 2 * patienceMs),
    ];
    await this.#ended;
    for (const step of steps) clearTimeout(step);
  }

  #signal(signal: NodeJS.Signals): void {
    for (const child of this.#children) child.kill(signal);
  }
}
