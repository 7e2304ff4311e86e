import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { isNativeInfo } from '@convoy/infra/standard-error';
import { WorkerPlaces, type Ending, type WorkerPlacesOptions, type WorkerProcess } from './worker-places.ts';

export interface LocalWorkersOptions extends Omit<WorkerPlacesOptions, 'start'> {
  /** Arguments of `convoy worker`. */
  readonly args: readonly string[];
  /** The program that this process is: its own main, run again. */
  readonly main: string;
  /** Node's options for it; this process's own when absent. */
  readonly execArgv?: readonly string[];
  /** Its environment; this process's own when absent. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly onLine: (line: string) => void;
}

/** Whether a line that a worker's process wrote is of no use to anybody. */
export function isNoise(line: string): boolean {
  return line === '' || isNativeInfo(line);
}

/** Worker processes on this machine, as children of this process; one that dies is started again. */
export class LocalWorkers extends WorkerPlaces {
  constructor(options: LocalWorkersOptions) {
    super({ ...options, start: () => startHere(options) });
  }

  /** Lets the processes stand still, for as long as this one does. */
  suspend(): void {
    this.signal('SIGSTOP');
  }

  resume(): void {
    this.signal('SIGCONT');
  }
}

function startHere(options: LocalWorkersOptions): WorkerProcess {
  const { args, main, execArgv = process.execArgv, environment = process.env, onLine } = options;
  const child = spawn(process.execPath, [...execArgv, main, 'worker', '--notes-only', ...args], {
    env: environment,
    // The channel ends the worker when this process does, however it does.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // A group of its own: Ctrl-C reaches this process alone, which stops its workers when the run has ended.
    detached: true,
  });
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (!isNoise(line)) onLine(line);
  });
  const ended = new Promise<Ending>((resolve) => {
    // A process that could not be started has no 'exit'.
    child.once('error', (error) => {
      onLine(`can't start a worker: ${error.message}`);
      resolve({ code: null, signal: null });
    });
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return { pid: child.pid, ended, signal: (name) => void child.kill(name) };
}
