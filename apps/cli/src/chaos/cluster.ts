import { ConvoyProcess, howItEnded, type ChildEnd } from './child.ts';

export interface ClusterOptions {
  /** The program that this process is. */
  readonly main: string;
  /** The coordinator's arguments at its first start, and at every later one. */
  readonly startArguments: readonly string[];
  readonly resumeArguments: readonly string[];
  readonly workerArguments: readonly string[];
  /** Everything that the processes say. */
  readonly onLine: (who: string, line: string) => void;
  /** Something that must not happen did: a broken promise of Convoy's, in one line and the process's last words. */
  readonly onViolation: (text: string) => void;
  /** The coordinator went by itself: the run is over, or it crashed. */
  readonly onCoordinatorEnd: (end: ChildEnd, lastWords: string) => void;
}

export interface ClusterWorker {
  /** Order of starting: one process's for good. */
  readonly number: number;
  readonly process: ConvoyProcess;
  /** The coordinator it is connected to leases to it. */
  isReady: boolean;
  /** What it will have ended by. */
  fate: 'run' | 'killed' | 'leaving';
}

interface Coordinator {
  readonly process: ConvoyProcess;
  isServing: boolean;
  isKilled: boolean;
  /** What it said of checkpoints that it could not use. */
  readonly passedOver: string[];
}

/** A worker that was asked to leave delivers what it holds first. */
const LEAVE_WITHIN_MS = 60_000;
/** Workers learn of the run's end at their next attempt to connect at the latest. */
const END_WITHIN_MS = 20_000;

/** A coordinator and its workers as real processes, and what can be done to them. It ends only what it started. */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #workers = new Map<number, ClusterWorker>();
  readonly #wakeUps = new Set<NodeJS.Timeout>();
  #coordinator: Coordinator | null = null;
  #starts = 0;
  #nextWorker = 0;
  #isOver = false;
  readonly #waiting = new Set<() => void>();

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** In the order of their starts, those that are leaving included. */
  get workers(): readonly ClusterWorker[] {
    return [...this.#workers.values()];
  }

  /** Connected, awake and meant to stay: who gets the work now. */
  get readyWorkers(): readonly ClusterWorker[] {
    return this.workers.filter(({ isReady, fate, process }) => isReady && fate === 'run' && !process.isFrozen);
  }

  get isServing(): boolean {
    return this.#coordinator !== null && this.#coordinator.isServing && !this.#coordinator.process.isFrozen;
  }

  get coordinatorPid(): number | undefined {
    return this.#coordinator?.process.pid;
  }

  /** What the coordinator that runs has said of damaged checkpoints. */
  get passedOver(): readonly string[] {
    return this.#coordinator?.passedOver ?? [];
  }

  /** Starts the coordinator: a new run's the first time, the same run's again after that. */
  startCoordinator(): void {
    const { main, startArguments, resumeArguments, onLine, onCoordinatorEnd } = this.#options;
    const args = this.#starts++ === 0 ? startArguments : resumeArguments;
    const passedOver: string[] = [];
    const child = new ConvoyProcess(main, ['coordinator', ...args], (line) => {
      onLine('coordinator', line);
      if (/ is damaged and was passed over: /.test(line)) passedOver.push(line);
      if (/^listening on /.test(line)) coordinator.isServing = true;
      this.changed();
    });
    const coordinator: Coordinator = { process: child, isServing: false, isKilled: false, passedOver };
    this.#coordinator = coordinator;
    void child.ended.then((end) => {
      if (this.#coordinator === coordinator) this.#coordinator = null;
      if (!coordinator.isKilled || end.code !== null) onCoordinatorEnd(end, child.lastWords);
      this.changed();
    });
  }

  /** @returns when it is gone. */
  async killCoordinator(): Promise<void> {
    const coordinator = this.#coordinator;
    if (coordinator === null) return;
    coordinator.isKilled = true;
    coordinator.process.kill();
    await coordinator.process.ended;
  }

  terminateCoordinator(): void {
    this.#coordinator?.process.wake();
    this.#coordinator?.process.terminate();
  }

  freezeCoordinator(forMs: number): void {
    if (this.#coordinator !== null) this.#freeze(this.#coordinator.process, forMs);
  }

  startWorker(): ClusterWorker {
    const { main, workerArguments, onLine } = this.#options;
    const number = this.#nextWorker++;
    const child = new ConvoyProcess(main, ['worker', ...workerArguments], (line) => {
      onLine(`worker ${number}`, line);
      if (/: ready: rank /.test(line)) worker.isReady = true;
      if (/: lost the coordinator /.test(line)) worker.isReady = false;
      this.changed();
    });
    const worker: ClusterWorker = { number, process: child, isReady: false, fate: 'run' };
    this.#workers.set(number, worker);
    void child.ended.then((end) => {
      this.#workers.delete(number);
      this.#judgeEnd(worker, end);
      this.changed();
    });
    return worker;
  }

  killWorker(worker: ClusterWorker): void {
    worker.fate = 'killed';
    worker.process.kill();
  }

  askToLeave(worker: ClusterWorker): void {
    worker.fate = 'leaving';
    worker.process.terminate();
    const deadline = setTimeout(() => {
      this.#options.onViolation(
        `worker ${worker.number} has not left within ${LEAVE_WITHIN_MS / 1000} s of SIGTERM:\n    ${worker.process.lastWords}`,
      );
      this.killWorker(worker);
    }, LEAVE_WITHIN_MS);
    void worker.process.ended.then(() => clearTimeout(deadline));
  }

  freezeWorker(worker: ClusterWorker, forMs: number): void {
    this.#freeze(worker.process, forMs);
  }

  /** Waits until something is so, looking whenever something has happened. @throws the signal's reason when it aborts. */
  async until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    while (!condition()) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener('abort', wake);
      });
    }
  }

  /** Something has happened that somebody may wait for. */
  changed(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** The coordinator has ended: waits for the workers to do so, who must. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.wakeAll();
    const ask = setTimeout(() => {
      for (const { process } of this.workers) process.terminate();
    }, END_WITHIN_MS);
    const force = setTimeout(() => {
      for (const worker of this.workers) {
        this.#options.onViolation(`worker ${worker.number} did not end with the run:\n    ${worker.process.lastWords}`);
        this.killWorker(worker);
      }
    }, 2 * END_WITHIN_MS);
    await Promise.all(this.workers.map(({ process }) => process.ended));
    clearTimeout(ask);
    clearTimeout(force);
  }

  /** Ends everything at once. */
  async destroy(): Promise<void> {
    this.#isOver = true;
    for (const timer of this.#wakeUps) clearTimeout(timer);
    for (const worker of this.workers) this.killWorker(worker);
    await this.killCoordinator();
    await Promise.all(this.workers.map(({ process }) => process.ended));
  }

  wakeAll(): void {
    for (const timer of this.#wakeUps) clearTimeout(timer);
    this.#wakeUps.clear();
    for (const process of [...this.workers.map((worker) => worker.process), this.#coordinator?.process]) {
      if (process?.isFrozen) process.wake();
    }
  }

  #freeze(process: ConvoyProcess, forMs: number): void {
    process.freeze();
    const timer = setTimeout(() => {
      this.#wakeUps.delete(timer);
      process.wake();
      this.changed();
    }, forMs);
    this.#wakeUps.add(timer);
  }

  /** Every end but the one that was meant is a fault. */
  #judgeEnd({ number, fate, isReady, process }: ClusterWorker, end: ChildEnd): void {
    if (fate === 'killed' || end.code === 0) return;
    // Asked to end while it still loaded its program: there was nobody yet to hear it.
    if (this.#isOver && !isReady && end.signal === 'SIGTERM') return;
    const asked = fate === 'leaving' ? ', asked to leave,' : '';
    this.#options.onViolation(
      `worker ${number}${asked} ended with ${howItEnded(end)} instead of 0:\n    ${process.lastWords}`,
    );
  }
}
