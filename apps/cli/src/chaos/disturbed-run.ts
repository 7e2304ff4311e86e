import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { countOf } from '@convoy/protocol/event-words';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
import type { ChaosFlags } from './chaos-flags.ts';
import { howItEnded, summaryOf, type ChildEnd } from './child.ts';
import { Cluster } from './cluster.ts';
import { seconds } from './durations.ts';
import { EventTail } from './event-tail.ts';
import { freePort } from './free-port.ts';
import { Injector } from './injector.ts';
import type { JournalCounts, JournalEntry } from './journal.ts';
import type { RunRecord } from './report.ts';
import { coordinatorArguments, dataArguments, engineArguments, runArguments } from './run-arguments.ts';
import { faultSchedule } from './schedule.ts';

export interface ChaosOptions {
  readonly flags: ChaosFlags;
  /** The program that this process is: its own main, run again. */
  readonly main: string;
  /** Where the two runs, the processes' words and the report go. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onLine: (text: string) => void;
  readonly onStatus: (text: string) => void;
}

/** What a run was like that was disturbed. */
interface DisturbedRecord extends RunRecord {
  readonly journal: readonly JournalEntry[];
  readonly counts: JournalCounts;
  /** Promises of Convoy's that were broken meanwhile, a line each. */
  readonly violations: readonly string[];
}

/** How the coordinator ended, and the last lines that it wrote. */
interface CoordinatorEnd {
  readonly end: ChildEnd;
  readonly lastWords: string;
}

/** So many workers more than the mean may be there at one time. */
const EXTRA_WORKERS = 2;
/** More steps than any duration has time for. */
const ENDLESS_STEPS = 1_000_000_000;
/** What the operator must mend before there is anything to disturb. */
const OPERATOR_CODES: ReadonlySet<number> = new Set([
  exitCodes.usage,
  exitCodes.data,
  exitCodes.engine,
  exitCodes.network,
]);
/** Without a step or an evaluation for so long, the cluster hangs, or the faults leave it no time. */
const HANG_MS = 120_000;
/** The same before the first step: the data may have to be downloaded. */
const FIRST_STEP_MS = 15 * 60_000;
const WATCH_INTERVAL_MS = 200;

/** A run that faults disturb from its first step to its end. */
class DisturbedRun {
  readonly #options: ChaosOptions;
  readonly #folder: string;
  readonly #cluster: Cluster;
  readonly #injector: Injector;
  readonly #journal: JournalEntry[] = [];
  readonly #violations: string[] = [];
  /** Aborted when no more faults are to come. */
  readonly #stopping = new AbortController();
  readonly #coordinatorEnd: Promise<CoordinatorEnd>;
  #resolveEnd!: (end: CoordinatorEnd) => void;
  /** When the first step was done; null before. */
  #startedAtMs: number | null = null;
  #progressAtMs = Date.now();
  #injecting: Promise<void> | null = null;
  #fault: Error | null = null;

  /** @param port for its coordinator, on loopback. */
  constructor(options: ChaosOptions, port: number) {
    this.#options = options;
    this.#folder = join(options.folder, 'disturbed');
    this.#coordinatorEnd = new Promise((resolve) => {
      this.#resolveEnd = resolve;
    });
    this.#cluster = this.#newCluster(port);
    this.#injector = this.#newInjector();
  }

  #newCluster(port: number): Cluster {
    const { flags, main } = this.#options;
    const server = ['--port', String(port), ...coordinatorArguments(flags), '--json'];
    const steps = flags.duration === undefined ? flags.steps : ENDLESS_STEPS;
    return new Cluster({
      main,
      startArguments: [...server, ...runArguments(flags, steps), '--run-dir', this.#folder],
      resumeArguments: [...server, ...dataArguments(flags), '--resume', this.#folder],
      workerArguments: ['--url', `ws://127.0.0.1:${port}`, ...engineArguments(flags), ...dataArguments(flags)],
      onLine: (who, line) => this.#log(who, line),
      onViolation: (text) => this.#violate(text),
      onCoordinatorEnd: (end, lastWords) => {
        this.#resolveEnd({ end, lastWords });
        this.#stopping.abort(new Error('the run is over'));
      },
    });
  }

  #newInjector(): Injector {
    const { flags } = this.#options;
    return new Injector({
      cluster: this.#cluster,
      schedule: faultSchedule({
        seed: flags.chaosSeed,
        meanMs: flags.killEvery,
        kinds: flags.faults,
        deadAfterMs: 1000 * flags.deadAfter,
      }),
      maxFaults: flags.maxFaults ?? Infinity,
      runFolder: this.#folder,
      meanWorkers: flags.workers,
      maxWorkers: flags.workers + EXTRA_WORKERS,
      onFault: (entry) => {
        this.#journal.push(entry);
        this.#say(entry.text);
      },
      onNote: (text) => this.#say(text),
      onViolation: (text) => this.#violate(text),
      signal: this.#stopping.signal,
    });
  }

  /** @throws OperatorError when it came to no end, with the seeds that replay it. */
  async run(): Promise<DisturbedRecord> {
    const { flags, folder, signal } = this.#options;
    const tail = new EventTail(join(this.#folder, 'events.jsonl'), (event) => this.#hear(event));
    const watch = setInterval(() => this.#watch(), WATCH_INTERVAL_MS);
    const onAbort = () => this.#giveUp(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const summary = await this.#disturb();
      await this.#cluster.end();
      tail.close();
      const { counts } = this.#injector;
      return { events: tail.events, summary, journal: this.#journal, counts, violations: this.#violations };
    } catch (error) {
      if (signal.aborted || error instanceof OperatorError) throw error;
      throw new OperatorError(
        `the disturbed run did not come to its end: ${(error as Error).message}\n` +
          `  (--seed ${flags.seed} --chaos-seed ${flags.chaosSeed}; what the processes said is in ${join(folder, 'processes.log')})`,
        { exitCode: exitCodes.internal, cause: error },
      );
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', onAbort);
      this.#stopping.abort();
      tail.close();
      await this.#cluster.destroy();
    }
  }

  /** From the cluster's start to the coordinator's end. */
  async #disturb(): Promise<RunSummary> {
    const { flags } = this.#options;
    this.#cluster.startCoordinator();
    for (let worker = 0; worker < flags.workers; worker++) this.#cluster.startWorker();
    const { signal } = this.#stopping;
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await this.#injecting;
    if (flags.duration !== undefined && this.#fault === null) await stopCoordinator(this.#cluster);
    return this.#summaryOf(await this.#coordinatorEnd);
  }

  #summaryOf({ end, lastWords }: CoordinatorEnd): RunSummary {
    const { flags } = this.#options;
    if (this.#fault !== null) throw this.#fault;
    if (this.#startedAtMs === null && end.code !== null && OPERATOR_CODES.has(end.code)) {
      const lastLine = lastWords.trim().split('\n').at(-1)!.trim();
      throw new OperatorError(lastLine.replace(/^convoy: /, ''), { exitCode: end.code });
    }
    const summary = summaryOf(end);
    // A run that was asked to stop exits 143.
    const code = flags.duration === undefined ? exitCodes.ok : exitCodes.terminated;
    if (summary === null || end.code !== code) {
      throw new Error(`the coordinator ended with ${howItEnded(end)}:\n    ${lastWords}`);
    }
    return summary;
  }

  #hear(event: RunEvent): void {
    this.#injector.note(event);
    if (event.type === 'step' || event.type === 'evaluated') this.#progress(event.step);
    this.#cluster.changed();
  }

  #progress(step: number): void {
    const { flags, onStatus } = this.#options;
    const { readyWorkers, workers } = this.#cluster;
    this.#progressAtMs = Date.now();
    if (this.#startedAtMs === null) {
      this.#startedAtMs = this.#progressAtMs;
      this.#injecting = this.#injector.run();
      this.#injecting.catch((error: unknown) => this.#giveUp(error as Error));
    }
    const total = flags.duration === undefined ? '' : ` of ${seconds(flags.duration)}`;
    const atWork = `${readyWorkers.length} of ${countOf(workers.length, 'worker')} at work`;
    onStatus(`${seconds(this.#progressAtMs - this.#startedAtMs)}${total}: step ${step} · ${atWork}`);
  }

  #watch(): void {
    const { duration } = this.#options.flags;
    const limitMs = this.#startedAtMs === null ? FIRST_STEP_MS : HANG_MS;
    const nowMs = Date.now();
    if (nowMs - this.#progressAtMs > limitMs) this.#giveUp(new Error(`no step was done for ${limitMs / 1000} s`));
    if (duration !== undefined && this.#startedAtMs !== null && nowMs - this.#startedAtMs > duration) {
      this.#stopping.abort(new Error('its time is over'));
    }
  }

  #giveUp(error: Error): void {
    this.#fault ??= error;
    this.#stopping.abort(error);
    this.#resolveEnd({ end: { code: null, signal: null, stdout: '' }, lastWords: '' });
  }

  #violate(text: string): void {
    this.#violations.push(text);
    this.#say(`✘ ${text}`);
  }

  #say(text: string): void {
    const line = this.#startedAtMs === null ? text : `${seconds(Date.now() - this.#startedAtMs)}: ${text}`;
    this.#log('chaos', line);
    this.#options.onLine(line);
  }

  #log(who: string, line: string): void {
    appendFileSync(join(this.#options.folder, 'processes.log'), `${new Date().toISOString()} ${who}: ${line}\n`);
  }
}

/** Disturbs a run on a free port. @throws OperatorError when it came to no end, with the seeds that replay it. */
export async function runDisturbed(options: ChaosOptions): Promise<DisturbedRecord> {
  return new DisturbedRun(options, await freePort(Math.random)).run();
}

/** Time is over: the run is stopped where it stands, by a coordinator that is up. */
async function stopCoordinator(cluster: Cluster): Promise<void> {
  cluster.wakeAll();
  if (cluster.coordinatorPid === undefined) cluster.startCoordinator();
  await cluster.until(() => cluster.isServing, AbortSignal.timeout(HANG_MS));
  cluster.terminateCoordinator();
}
