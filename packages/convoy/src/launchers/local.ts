import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { exitCodes } from '@convoy/protocol/errors';

export interface LocalWorkersOptions {
  readonly count: number;
  /** Arguments of `convoy worker`. */
  readonly args: readonly string[];
  /** The program that this process is: its own main, run again. */
  readonly main: string;
  /** Node's options for it; this process's own when absent. */
  readonly execArgv?: readonly string[];
  /** Its environment; this process's own when absent. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Steps that the run has done so far: while it moves, whoever dies is replaced. */
  readonly stepsDone: () => number;
  /** The wait before a process is started again: at first, doubled with each quick death, and at most. */
  readonly restartMs?: { readonly first: number; readonly limit: number };
  readonly onLine: (line: string) => void;
  /** A worker's process ended before `stop`. */
  readonly onExit: (exit: WorkerExit) => void;
}

export interface WorkerExit {
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** When another process takes its place; null when none does: it would end in the same way. */
  readonly restartInMs: number | null;
  /** Processes that run or will be started again. */
  readonly left: number;
}

/**
 * What TensorFlow's library logs before anybody can tell it not to: lines of the severity INFO (https://abseil.io/docs/cpp/guides/logging),
 * and one that says where they go.
 */
const NATIVE_INFO = /^I\d{4} \d\d:\d\d:\d+\.\d+ |^WARNING: All log messages before absl::InitializeLog\(\) is called/;
/** What an operator must mend: starting the process again changes nothing. */
const FINAL_CODES: ReadonlySet<number> = new Set([
  exitCodes.ok,
  exitCodes.usage,
  exitCodes.data,
  exitCodes.engine,
  exitCodes.network,
  exitCodes.rejected,
]);
/** A process that ran for this long starts with a clean record. */
const STEADY_MS = 60_000;
const DEFAULT_RESTART_MS = { first: 250, limit: 15_000 };
/** Quick deaths in a row, with no step done between them, after which a place stays empty. */
const MAX_FRUITLESS_DEATHS = 8;

/** Worker processes on this machine, as children of this process; one that dies is started again. */
export class LocalWorkers {
  readonly #options: LocalWorkersOptions;
  readonly #places: Place[];
  #stopping = false;

  constructor(options: LocalWorkersOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.count }, () => new Place());
    for (const place of this.#places) this.#start(place);
  }

  /** Waits for the workers to leave by themselves, as they do when the run is over; then asks them, then ends them. */
  async stop(patienceMs: number): Promise<void> {
    this.#stopping = true;
    for (const place of this.#places) {
      if (place.restart === null) continue;
      clearTimeout(place.restart);
      place.restart = null;
      place.close();
    }
    const steps: NodeJS.Timeout[] = [
      setTimeout(() => this.#signal('SIGTERM'), patienceMs),
      setTimeout(() => this.#signal('SIGKILL'), 2 * patienceMs),
    ];
    await Promise.all(this.#places.map(({ closed }) => closed));
    for (const step of steps) clearTimeout(step);
  }

  /** Lets the processes stand still, for as long as this one does. */
  suspend(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  #start(place: Place): void {
    const { args, main, execArgv = process.execArgv, environment = process.env, onLine } = this.#options;
    const child = spawn(process.execPath, [...execArgv, main, 'worker', '--notes-only', ...args], {
      env: environment,
      // The channel ends the worker when this process does, however it does.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // A group of its own: Ctrl-C reaches this process alone, which stops its workers when the run has ended.
      detached: true,
    });
    place.child = child;
    place.startedMs = performance.now();
    createInterface({ input: child.stderr! }).on('line', (line) => {
      if (line !== '' && !NATIVE_INFO.test(line)) onLine(line);
    });
    // A process that could not be started has no 'exit'.
    child.once('error', (error) => {
      onLine(`can't start a worker: ${error.message}`);
      this.#ended(place, child, null, null);
    });
    child.once('exit', (code, signal) => this.#ended(place, child, code, signal));
  }

  #ended(place: Place, child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (place.child !== child) return;
    place.child = null;
    if (this.#stopping) return place.close();
    const { first, limit } = this.#options.restartMs ?? DEFAULT_RESTART_MS;
    const isSteady = performance.now() - place.startedMs > STEADY_MS;
    place.quickDeaths = isSteady ? 1 : place.quickDeaths + 1;
    const steps = this.#options.stepsDone();
    place.fruitlessDeaths = isSteady || steps !== place.stepsBefore ? 1 : place.fruitlessDeaths + 1;
    place.stepsBefore = steps;
    const isFinal = (code !== null && FINAL_CODES.has(code)) || place.fruitlessDeaths > MAX_FRUITLESS_DEATHS;
    const restartInMs = isFinal ? null : Math.min(limit, first * 2 ** (place.quickDeaths - 1));
    if (restartInMs === null) place.close();
    else {
      place.restart = setTimeout(() => {
        place.restart = null;
        this.#start(place);
      }, restartInMs);
    }
    const left = this.#places.filter(({ isOpen }) => isOpen).length;
    this.#options.onExit({ pid: child.pid, code, signal, restartInMs, left });
  }

  #signal(signal: NodeJS.Signals): void {
    for (const { child } of this.#places) child?.kill(signal);
  }
}

/** Where one worker process is after another. */
class Place {
  child: ChildProcess | null = null;
  restart: NodeJS.Timeout | null = null;
  startedMs = 0;
  quickDeaths = 0;
  /** Those of them since the last step that was done. */
  fruitlessDeaths = 0;
  /** At the last death. */
  stepsBefore = 0;
  isOpen = true;
  readonly closed: Promise<void>;
  #resolveClosed!: () => void;

  constructor() {
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  /** No process will be here any more. */
  close(): void {
    this.isOpen = false;
    this.#resolveClosed();
  }
}
