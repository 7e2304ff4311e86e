import { exitCodes } from '@convoy/protocol/errors';

/** A process that works, wherever it is. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Settles once, when it is gone or could not be started. Never rejects. */
  readonly ended: Promise<Ending>;
  signal(name: NodeJS.Signals): void;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /**
   * What the code alone does not say: starting it again changes nothing (`final`), or its machine can't be reached, which may last
   * for as long as it likes (`outage`).
   */
  readonly kind?: 'final' | 'outage';
}

export interface WorkerExit extends Ending {
  /** Which of the places it had, from 0. */
  readonly place: number;
  readonly pid: number | undefined;
  /** When another process takes its place; null when none does: it would end in the same way. */
  readonly restartInMs: number | null;
  /** Processes that run or will be started again. */
  readonly left: number;
}

export interface WorkerPlacesOptions {
  readonly count: number;
  readonly start: (place: number) => WorkerProcess;
  /** Steps that the run has done so far: while it moves, whoever dies is replaced. */
  readonly stepsDone: () => number;
  /** The wait before a process is started again: at first, doubled with each quick death, and at most. */
  readonly restartMs?: { readonly first: number; readonly limit: number };
  /** A worker's process ended before `stop`. */
  readonly onExit: (exit: WorkerExit) => void;
}

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

/** As many worker processes as are wanted: one that dies is started again. */
export class WorkerPlaces {
  readonly #options: WorkerPlacesOptions;
  readonly #places: Place[];
  #stopping = false;

  constructor(options: WorkerPlacesOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.count }, (_, number) => new Place(number));
    for (const place of this.#places) this.#start(place);
  }

  /** Settles when every place is empty and stays so. */
  get deserted(): Promise<unknown> {
    return Promise.all(this.#places.map(({ closed }) => closed));
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
      setTimeout(() => this.signal('SIGTERM'), patienceMs),
      setTimeout(() => this.signal('SIGKILL'), 2 * patienceMs),
    ];
    await this.deserted;
    for (const step of steps) clearTimeout(step);
  }

  signal(signal: NodeJS.Signals): void {
    for (const { process } of this.#places) process?.signal(signal);
  }

  #start(place: Place): void {
    const process = this.#options.start(place.number);
    place.process = process;
    place.startedMs = performance.now();
    void process.ended.then((ending) => this.#ended(place, process, ending));
  }

  #ended(place: Place, { pid }: WorkerProcess, ending: Ending): void {
    place.process = null;
    if (this.#stopping) return place.close();
    const restartInMs = this.#restartInMs(place, ending);
    if (restartInMs === null) place.close();
    else {
      place.restart = setTimeout(() => {
        place.restart = null;
        this.#start(place);
      }, restartInMs);
    }
    const left = this.#places.filter(({ isOpen }) => isOpen).length;
    this.#options.onExit({ ...ending, place: place.number, pid, restartInMs, left });
  }

  #restartInMs(place: Place, { code, kind }: Ending): number | null {
    const { first, limit } = this.#options.restartMs ?? DEFAULT_RESTART_MS;
    const isSteady = performance.now() - place.startedMs > STEADY_MS;
    place.quickDeaths = isSteady ? 1 : place.quickDeaths + 1;
    const steps = this.#options.stepsDone();
    if (kind !== 'outage') {
      place.fruitlessDeaths = isSteady || steps !== place.stepsBefore ? 1 : place.fruitlessDeaths + 1;
      place.stepsBefore = steps;
    }
    const isFinal =
      kind === 'final' ||
      (kind === undefined && code !== null && FINAL_CODES.has(code)) ||
      place.fruitlessDeaths > MAX_FRUITLESS_DEATHS;
    return isFinal ? null : Math.min(limit, first * 2 ** Math.min(place.quickDeaths - 1, 30));
  }
}

/** Where one worker process is after another. */
class Place {
  readonly number: number;
  process: WorkerProcess | null = null;
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

  constructor(number: number) {
    this.number = number;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  /** No process will be here any more. */
  close(): void {
    this.isOpen = false;
    this.#resolveClosed();
  }
}
