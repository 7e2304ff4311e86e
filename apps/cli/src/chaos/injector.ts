import { setTimeout as delay } from 'node:timers/promises';
import type { RunEvent } from '@convoy/protocol/run-events';
import { damageCheckpoint, intactCheckpoints } from './checkpoint-damage.ts';
import type { Cluster, ClusterWorker } from './cluster.ts';
import { seconds } from './durations.ts';
import type { JournalCounts, JournalEntry } from './journal.ts';
import { victimOf, type Fault, type FaultKind, type Outage } from './schedule.ts';

export interface InjectorOptions {
  readonly cluster: Cluster;
  readonly schedule: Iterator<Fault, never>;
  /** Faults after which the cluster is left alone; Infinity for as long as it runs. */
  readonly maxFaults: number;
  readonly runFolder: string;
  /** Workers that the cluster comes back to, and the most it may have. */
  readonly meanWorkers: number;
  readonly maxWorkers: number;
  readonly onFault: (entry: JournalEntry) => void;
  /** What follows from faults: returns, restarts. */
  readonly onNote: (text: string) => void;
  readonly onViolation: (text: string) => void;
  /** Aborts when no more faults shall come. */
  readonly signal: AbortSignal;
}

type ServerFault = Extract<Fault, { kind: 'server' | 'corrupt' }>;
type WorkerFault = Extract<Fault, { kind: 'kill' | 'leave' | 'freeze' }>;

/** Faults of one lane happen one after the other. */
type Lane = 'kill' | 'leave' | 'freeze' | 'server';

/**
 * Carries a schedule of faults out on a cluster. So that every run comes to its end however slow the machine is, a fault
 * waits until there is somebody to meet, and until the cluster has got on since the last one of its kind.
 */
export class Injector {
  readonly #options: InjectorOptions;
  readonly #counts = { joined: 0, serverRestarts: 0, serverFreezes: 0, passedOver: 0 };
  readonly #background = new Set<Promise<void>>();
  readonly #lanes = new Map<Lane, Promise<void>>();
  readonly #waitingKinds = new Set<FaultKind>();
  readonly #damaged = new Set<string>();
  /** Steps and evaluations so far, and how many there were at the last fault of each kind. */
  #progress = 0;
  readonly #progressAt = new Map<FaultKind, number>();
  /** Since the coordinator that runs was started. */
  #checkpointsSaved = 0;
  #startedAt = 0;

  constructor(options: InjectorOptions) {
    this.#options = options;
  }

  get counts(): JournalCounts {
    return { ...this.#counts };
  }

  /** A fact of the run's log. */
  note(event: RunEvent): void {
    if (event.type === 'step' || event.type === 'evaluated') this.#progress++;
    if (event.type === 'run-resumed') this.#checkpointsSaved = 0;
    if (event.type === 'checkpoint-saved') this.#checkpointsSaved++;
  }

  /** From the run's first step until the signal aborts or the faults are over. Resolves when none of them is going on. */
  async run(): Promise<void> {
    const { schedule, maxFaults, signal } = this.#options;
    this.#startedAt = Date.now();
    try {
      for (let number = 0; number < maxFaults; number++) {
        const { value: fault } = schedule.next();
        await delay(Math.max(0, this.#startedAt + fault.atMs - Date.now()), undefined, { signal });
        this.#enqueue(fault);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    await Promise.all([...this.#background, ...this.#lanes.values()]);
  }

  #enqueue(fault: Fault): void {
    if (fault.kind === 'join') return this.#join(fault);
    const { kind } = fault;
    if (this.#waitingKinds.has(kind)) return this.#passOver();
    this.#waitingKinds.add(kind);
    const lane = kind === 'corrupt' ? 'server' : kind;
    const before = this.#lanes.get(lane) ?? Promise.resolve();
    const turn = before.then(async () => {
      try {
        await this.#options.cluster.until(() => this.#isDue(fault), this.#options.signal);
        this.#waitingKinds.delete(kind);
        this.#progressAt.set(kind, this.#progress);
        await (fault.kind === 'server' || fault.kind === 'corrupt'
          ? this.#disturbServer(fault)
          : this.#disturbWorker(fault));
      } catch (error) {
        if (!this.#options.signal.aborted) throw error;
      }
    });
    this.#lanes.set(lane, turn);
    turn.catch(() => this.#options.onViolation(`the fault "${kind}" could not be carried out`));
  }

  #isDue(fault: WorkerFault | ServerFault): boolean {
    if (this.#progress <= (this.#progressAt.get(fault.kind) ?? -1)) return false;
    if (fault.kind !== 'server' && fault.kind !== 'corrupt') return this.#candidates(fault).length > 0;
    // A coordinator that dies before it has saved what it did would never come to the end: a death costs what was done
    // since the last checkpoint, a damaged checkpoint what was done since the one before.
    const saved = fault.kind === 'corrupt' ? 2 : fault.how === 'kill' ? 1 : 0;
    return this.#options.cluster.isServing && this.#checkpointsSaved >= saved;
  }

  /** Whom a fault can meet. */
  #candidates({ kind }: WorkerFault): ClusterWorker[] {
    const living = this.#options.cluster.workers.filter(({ fate }) => fate === 'run');
    if (kind === 'kill') return living;
    const awake = living.filter(({ process }) => !process.isFrozen);
    // One that is still loading its program can't hear that it is to leave.
    return kind === 'freeze' ? awake : awake.filter(({ isReady }) => isReady);
  }

  #disturbWorker(fault: WorkerFault): void {
    const { cluster } = this.#options;
    const candidates = this.#candidates(fault);
    const victims = fault.kind === 'kill' && fault.everyone ? candidates : [victimOf(fault.victim, candidates)!];
    const names = victims.map((worker) => name(worker)).join(', ');
    switch (fault.kind) {
      case 'kill':
        this.#record(fault, `SIGKILL ${names}`, victims);
        for (const victim of victims) {
          cluster.killWorker(victim);
          this.#startLater(fault.backAfterMs);
        }
        return;
      case 'leave':
        this.#record(fault, `SIGTERM ${names}`, victims);
        for (const victim of victims) cluster.askToLeave(victim);
        return this.#startLater(fault.backAfterMs);
      case 'freeze':
        this.#record(fault, `SIGSTOP ${names} for ${seconds(fault.forMs)}`, victims);
        for (const victim of victims) cluster.freezeWorker(victim, fault.forMs);
        return;
      default:
        fault satisfies never;
    }
  }

  #join(fault: Fault): void {
    const { cluster, maxWorkers } = this.#options;
    if (cluster.workers.length >= maxWorkers) return this.#passOver();
    const worker = this.#start();
    this.#record(fault, `${name(worker)} joins`, [worker]);
  }

  async #disturbServer(fault: ServerFault): Promise<void> {
    const { cluster, signal } = this.#options;
    const pid = cluster.coordinatorPid;
    if (fault.how === 'freeze') {
      this.#counts.serverFreezes++;
      this.#record(fault, `SIGSTOP the coordinator (pid ${pid}) for ${seconds(fault.forMs)}`, []);
      cluster.freezeCoordinator(fault.forMs);
      return cluster.until(() => cluster.isServing, signal);
    }
    if (fault.kind === 'server') {
      this.#record(fault, `SIGKILL the coordinator (pid ${pid})`, []);
      await cluster.killCoordinator();
      return this.#restartServer(fault.outage);
    }
    const entry = this.#entry(fault, []);
    await cluster.killCoordinator();
    // It may have come to its end a moment before.
    signal.throwIfAborted();
    const { runFolder, onFault } = this.#options;
    const intact = intactCheckpoints(runFolder, this.#damaged);
    const newest = intact.at(-1);
    // The one that is left must be good: a run without any can only be begun anew.
    if (newest === undefined || intact.length < 2) {
      this.#passOver();
      return this.#restartServer(fault.outage);
    }
    const what = damageCheckpoint(runFolder, newest.name, fault.how, fault.where);
    this.#damaged.add(newest.name);
    onFault({ ...entry, text: `SIGKILL the coordinator (pid ${pid}) and ${what}` });
    await this.#restartServer(fault.outage, newest.name);
  }

  /** @param damaged a checkpoint that the coordinator must say it passes over. */
  async #restartServer({ backAfterMs, againAfterMs }: Outage, damaged?: string): Promise<void> {
    const { cluster, signal, onNote, onViolation } = this.#options;
    const start = async (afterMs: number) => {
      await delay(afterMs, undefined, { signal });
      this.#checkpointsSaved = 0;
      this.#counts.serverRestarts++;
      cluster.startCoordinator();
      onNote(`the coordinator is started again (pid ${cluster.coordinatorPid}) and resumes the run`);
    };
    await start(backAfterMs);
    if (againAfterMs !== null) {
      await delay(againAfterMs, undefined, { signal });
      onNote(
        `SIGKILL the coordinator once more (pid ${cluster.coordinatorPid}), ${seconds(againAfterMs)} after its start`,
      );
      await cluster.killCoordinator();
      await start(0);
    }
    await cluster.until(() => cluster.isServing, signal);
    if (damaged !== undefined && !cluster.passedOver.some((line) => line.includes(damaged))) {
      onViolation(`the coordinator did not say that it passed over the damaged checkpoint ${damaged}`);
    }
  }

  #startLater(afterMs: number): void {
    const { cluster, meanWorkers, signal, onNote } = this.#options;
    const starting = (async () => {
      try {
        await delay(afterMs, undefined, { signal });
      } catch {
        return;
      }
      if (cluster.workers.filter(({ fate }) => fate === 'run').length >= meanWorkers) return;
      onNote(`${name(this.#start())} joins in place of one that went`);
    })();
    this.#background.add(starting);
    void starting.finally(() => this.#background.delete(starting));
  }

  #start(): ClusterWorker {
    this.#counts.joined++;
    return this.#options.cluster.startWorker();
  }

  #passOver(): void {
    this.#counts.passedOver++;
  }

  #record(fault: Fault, text: string, victims: readonly ClusterWorker[]): void {
    this.#options.onFault({ ...this.#entry(fault, victims), text });
  }

  #entry({ kind, atMs: plannedMs }: Fault, victims: readonly ClusterWorker[]): Omit<JournalEntry, 'text'> {
    const { cluster } = this.#options;
    const at = Date.now();
    return {
      at,
      atMs: at - this.#startedAt,
      plannedMs,
      kind,
      victims: victims.map(({ number }) => number),
      others: cluster.readyWorkers.filter((worker) => !victims.includes(worker)).map(({ number }) => number),
      wasServing: cluster.isServing,
    };
  }
}

function name({ number, process }: ClusterWorker): string {
  return `worker ${number} (pid ${process.pid})`;
}
