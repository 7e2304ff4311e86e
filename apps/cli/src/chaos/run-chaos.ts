import { appendFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
import { makeFolders } from '@convoy/protocol/make-folders';
import type { ChaosFlags } from './chaos-flags.ts';
import { ConvoyProcess, howItEnded, type ChildEnd } from './child.ts';
import { Cluster } from './cluster.ts';
import { seconds } from './durations.ts';
import { EventTail } from './event-tail.ts';
import { freePort } from './free-port.ts';
import { Injector } from './injector.ts';
import type { JournalEntry } from './journal.ts';
import { makeReport, type ChaosReport, type RunRecord } from './report.ts';
import {
  collapseArguments,
  coordinatorArguments,
  dataArguments,
  engineArguments,
  runArguments,
} from './run-arguments.ts';
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

/**
 * Trains while it disturbs, then trains the same without, and compares.
 * @throws OperatorError when one of the two runs could not be had at all, with the seeds that replay it.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { flags, folder, onLine } = options;
  try {
    makeFolders(resolve(folder));
  } catch (error) {
    throw fileError(error, `can't make the folder ${folder}`, { remedy: 'choose another with --run-dir' });
  }
  const { journal, counts, violations, ...disturbed } = await runDisturbed(options);
  onLine(`the disturbed run ended after ${disturbed.summary.steps} steps; now the same without faults, in one process`);
  const undisturbed = await runUndisturbed(options, disturbed.summary.steps);
  const { seed, chaosSeed } = flags;
  const report = makeReport({ disturbed, undisturbed, journal, counts, violations, seed, chaosSeed, folder });
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify({ ...report, journal }, null, 2)}\n`);
  return report;
}

async function runDisturbed({ flags, main, folder, signal, onLine, onStatus }: ChaosOptions) {
  const runFolder = join(folder, 'disturbed');
  const url = `ws://127.0.0.1:${await freePort(Math.random)}`;
  const port = new URL(url).port;
  const violations: string[] = [];
  const journal: JournalEntry[] = [];
  const stopping = new AbortController();
  let startedAt: number | null = null;
  const say = (text: string) => {
    const line = startedAt === null ? text : `${seconds(Date.now() - startedAt)}: ${text}`;
    log('chaos', line);
    onLine(line);
  };
  const log = (who: string, line: string) =>
    appendFileSync(join(folder, 'processes.log'), `${new Date().toISOString()} ${who}: ${line}\n`);
  const violate = (text: string) => {
    violations.push(text);
    say(`✘ ${text}`);
  };

  const server = ['--port', port, ...coordinatorArguments(flags), '--json'];
  const steps = flags.duration === undefined ? flags.steps : ENDLESS_STEPS;
  let resolveEnd!: (end: { readonly end: ChildEnd; readonly lastWords: string }) => void;
  const coordinatorEnd = new Promise<{ readonly end: ChildEnd; readonly lastWords: string }>((resolve) => {
    resolveEnd = resolve;
  });
  const cluster = new Cluster({
    main,
    startArguments: [...server, ...runArguments(flags, steps), '--run-dir', runFolder],
    resumeArguments: [...server, ...dataArguments(flags), '--resume', runFolder],
    workerArguments: ['--url', url, ...engineArguments(flags), ...dataArguments(flags)],
    onLine: log,
    onViolation: violate,
    onCoordinatorEnd: (end, lastWords) => {
      resolveEnd({ end, lastWords });
      stopping.abort(new Error('the run is over'));
    },
  });
  const injector = new Injector({
    cluster,
    schedule: faultSchedule({
      seed: flags.chaosSeed,
      meanMs: flags.killEvery,
      kinds: flags.faults,
      deadAfterMs: 1000 * flags.deadAfter,
    }),
    maxFaults: flags.maxFaults ?? Infinity,
    runFolder,
    meanWorkers: flags.workers,
    maxWorkers: flags.workers + EXTRA_WORKERS,
    onFault: (entry) => {
      journal.push(entry);
      say(entry.text);
    },
    onNote: say,
    onViolation: violate,
    signal: stopping.signal,
  });

  let injecting: Promise<void> | null = null;
  let progressAt = Date.now();
  let fault: Error | null = null;
  const giveUp = (error: Error) => {
    fault ??= error;
    stopping.abort(error);
    resolveEnd({ end: { code: null, signal: null, stdout: '' }, lastWords: '' });
  };
  const tail = new EventTail(join(runFolder, 'events.jsonl'), (event: RunEvent) => {
    injector.note(event);
    if (event.type === 'step' || event.type === 'evaluated') {
      progressAt = Date.now();
      if (startedAt === null) {
        startedAt = progressAt;
        injecting = injector.run();
        injecting.catch(giveUp);
      }
      const total = flags.duration === undefined ? '' : ` of ${seconds(flags.duration)}`;
      const workers = `${cluster.readyWorkers.length} of ${cluster.workers.length} workers at work`;
      onStatus(`${seconds(progressAt - startedAt)}${total}: step ${event.step} · ${workers}`);
    }
    cluster.changed();
  });
  const watch = setInterval(() => {
    const limitMs = startedAt === null ? FIRST_STEP_MS : HANG_MS;
    if (Date.now() - progressAt > limitMs) giveUp(new Error(`no step was done for ${limitMs / 1000} s`));
    if (flags.duration !== undefined && startedAt !== null && Date.now() - startedAt > flags.duration) {
      stopping.abort(new Error('its time is over'));
    }
  }, 200);
  const onAbort = () => giveUp(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    cluster.startCoordinator();
    for (let worker = 0; worker < flags.workers; worker++) cluster.startWorker();
    await new Promise<void>((resolve) => {
      if (stopping.signal.aborted) resolve();
      else stopping.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await injecting;
    if (flags.duration !== undefined && fault === null) await stopCoordinator(cluster);
    const { end, lastWords } = await coordinatorEnd;
    if (fault !== null) throw fault;
    if (startedAt === null && end.code !== null && OPERATOR_CODES.has(end.code)) {
      throw new OperatorError(
        lastWords
          .trim()
          .split('\n')
          .at(-1)!
          .trim()
          .replace(/^convoy: /, ''),
        { exitCode: end.code },
      );
    }
    const summary = summaryOf(end);
    // A run that was asked to stop exits 143.
    const code = flags.duration === undefined ? exitCodes.ok : exitCodes.terminated;
    if (summary === null || end.code !== code) {
      throw new Error(`the coordinator ended with ${howItEnded(end)}:\n    ${lastWords}`);
    }
    await cluster.end();
    tail.close();
    const counts = injector.counts;
    return { events: tail.events, summary, journal, counts, violations };
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
    stopping.abort();
    tail.close();
    await cluster.destroy();
  }
}

/** Time is over: the run is stopped where it stands, by a coordinator that is up. */
async function stopCoordinator(cluster: Cluster): Promise<void> {
  cluster.wakeAll();
  if (cluster.coordinatorPid === undefined) cluster.startCoordinator();
  await cluster.until(() => cluster.isServing, AbortSignal.timeout(HANG_MS));
  cluster.terminateCoordinator();
}

/** The same configuration in one process. */
async function runUndisturbed(
  { flags, main, folder, signal, onStatus }: ChaosOptions,
  steps: number,
): Promise<RunRecord> {
  const runFolder = join(folder, 'undisturbed');
  const args = [
    ...runArguments(flags, flags.duration === undefined ? flags.steps : steps),
    ...collapseArguments(flags),
    ...engineArguments(flags),
  ];
  const child = new ConvoyProcess(
    main,
    ['train', '--single', '--json', '--checkpoint-every', '0', ...args, '--run-dir', runFolder],
    (line) => appendFileSync(join(folder, 'processes.log'), `${new Date().toISOString()} undisturbed: ${line}\n`),
  );
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  const tail = new EventTail(join(runFolder, 'events.jsonl'), (event) => {
    if (event.type === 'step') onStatus(`undisturbed: step ${event.step} of ${steps}`);
  });
  const end = await child.ended;
  tail.close();
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  const summary = summaryOf(end);
  if (summary === null || end.code !== 0) {
    throw new OperatorError(
      `the undisturbed run failed (${howItEnded(end)}), so there is nothing to compare with:\n    ${child.lastWords}`,
      { exitCode: end.code ?? exitCodes.internal },
    );
  }
  return { events: tail.events, summary };
}

function summaryOf({ stdout }: ChildEnd): RunSummary | null {
  const line = stdout.trim();
  return line === '' ? null : (JSON.parse(line) as RunSummary);
}
