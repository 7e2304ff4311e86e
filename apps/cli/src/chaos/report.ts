import { countOf } from '@convoy/protocol/event-words';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
import { seconds } from './durations.ts';
import type { JournalCounts, JournalEntry } from './journal.ts';
import { settleLedger, type Ledger } from './ledger.ts';
import { fitMemory, type MemorySlopes } from './memory-slope.ts';
import { measureRecovery, RECOVERY_LIMIT_MS, type Recovery } from './recovery.ts';
import { FAULT_KINDS, type FaultKind } from './schedule.ts';

/** One run: its log and its last word. */
export interface RunRecord {
  readonly events: readonly RunEvent[];
  readonly summary: RunSummary;
}

export interface ReportInput {
  readonly disturbed: RunRecord;
  readonly undisturbed: RunRecord;
  readonly journal: readonly JournalEntry[];
  readonly counts: JournalCounts;
  /** Promises that were seen broken while it ran. */
  readonly violations: readonly string[];
  readonly seed: number;
  readonly chaosSeed: number;
  readonly folder: string;
}

/** What the undisturbed run's parameters were found to be worth. */
type Worth = Pick<
  RunSummary,
  'testAccuracy' | 'validationAccuracy' | 'testMeanAbsoluteError' | 'validationMeanAbsoluteError'
>;

/** What a chaos run found: report.json, and but for most of many differences the line that `--json` prints. */
export interface ChaosReport extends Worth {
  /** Everything came out as it does undisturbed, and every process ended as it should. */
  readonly equal: boolean;
  /** What did not, one line each. */
  readonly differences: readonly string[];
  readonly differenceCount: number;
  readonly seed: number;
  readonly chaosSeed: number;
  readonly folder: string;
  readonly parametersSha256: string;
  readonly undisturbedSha256: string;
  readonly faults: Readonly<Record<FaultKind, number>>;
  readonly workers: Readonly<Record<'killed' | 'frozen' | 'left' | 'joined', number>>;
  readonly serverRestarts: number;
  readonly serverFreezes: number;
  readonly checkpointsDamaged: number;
  readonly faultsPassedOver: number;
  readonly ledger: Omit<Ledger, 'differences'>;
  /** Results that came twice or too late, and blocks that were leased to a second worker. */
  readonly resultsDiscarded: number;
  readonly leasedAgain: number;
  readonly recovery: Recovery;
  readonly memory: MemorySlopes;
  /** From the first worker's joining to the end, evaluations and outages included. */
  readonly seconds: number;
  readonly undisturbedSeconds: number;
  /** Samples of the final chain per second of that time, as a share of the undisturbed run's. */
  readonly relativeThroughput: number;
}

/** Compares a disturbed run with the undisturbed one. Figures that an interrupted run does not have are not compared. */
export function makeReport(input: ReportInput): ChaosReport {
  const { disturbed, undisturbed, journal, counts, violations } = input;
  const { differences, ...ledger } = settleLedger(disturbed.events, undisturbed.events);
  const all = [...compareSummaries(disturbed.summary, undisturbed.summary), ...violations, ...differences];
  const number = (kind: FaultKind) => journal.filter((entry) => entry.kind === kind).length;
  const victims = (kind: FaultKind) =>
    journal.reduce((sum, entry) => sum + (entry.kind === kind ? entry.victims.length : 0), 0);
  const events = (type: RunEvent['type']) => disturbed.events.filter((event) => event.type === type).length;
  const time = secondsOf(disturbed.events);
  const undisturbedTime = secondsOf(undisturbed.events);
  return {
    equal: all.length === 0,
    differences: all,
    differenceCount: all.length,
    seed: input.seed,
    chaosSeed: input.chaosSeed,
    folder: input.folder,
    parametersSha256: disturbed.summary.parametersSha256,
    undisturbedSha256: undisturbed.summary.parametersSha256,
    ...worthOf(undisturbed.summary),
    faults: Object.fromEntries(FAULT_KINDS.map((kind) => [kind, number(kind)])) as Record<FaultKind, number>,
    workers: { killed: victims('kill'), frozen: victims('freeze'), left: victims('leave'), joined: counts.joined },
    serverRestarts: counts.serverRestarts,
    serverFreezes: counts.serverFreezes,
    checkpointsDamaged: number('corrupt'),
    faultsPassedOver: counts.passedOver,
    ledger,
    resultsDiscarded: events('result-discarded'),
    leasedAgain: events('leased-again'),
    recovery: measureRecovery(journal, disturbed.events),
    memory: fitMemory(disturbed.events),
    seconds: time,
    undisturbedSeconds: undisturbedTime,
    relativeThroughput: ledger.samplesApplied / time / (ledger.samplesExpected / undisturbedTime),
  };
}

/** Differences that are shown: the first says where it began, and report.json has the rest. */
const SHOWN_DIFFERENCES = 8;

/** The report as one line of JSON. */
export function reportLine(report: ChaosReport): string {
  return JSON.stringify({ ...report, differences: report.differences.slice(0, SHOWN_DIFFERENCES) });
}

/** What a report comes to, in one line. A run that no fault has befallen has put nothing to the test. */
export function verdictOf({ equal: isEqual, faults, seed, chaosSeed }: ChaosReport) {
  const isTested = Object.values(faults).some((count) => count > 0);
  if (!isEqual) {
    const line = `✘ not what the undisturbed run gives: --seed ${seed} --chaos-seed ${chaosSeed}`;
    return { isEqual, isTested, line };
  }
  const line = isTested
    ? '✔ the parameters, every step and every evaluation are those of the undisturbed run'
    : 'no fault was injected, so nothing was put to the test: train longer, or say --kill-every 1s';
  return { isEqual, isTested, line };
}

/** The report as the operator reads it. */
export function reportTable(report: ChaosReport): string {
  const { ledger, recovery, memory, workers, faults } = report;
  const slope = (mbPerHour: number | null, longestMs: number, peakMb: number | null) =>
    (mbPerHour === null
      ? 'no process lived long enough'
      : `${mbPerHour.toFixed(0)} MB/h, over ${seconds(longestMs)} at most`) +
    (peakMb === null ? '' : `; the largest ${peakMb.toFixed(0)} MB`);
  const recovered =
    recovery.medianMs === null
      ? `none of ${recovery.deaths} could be measured`
      : `median ${seconds(recovery.medianMs)}, max ${seconds(recovery.maxMs!)} over ${recovery.measured} of ${recovery.deaths}; ` +
        `${recovery.overLimit} above ${seconds(RECOVERY_LIMIT_MS)}`;
  const rows: readonly (readonly [string, string])[] = [
    ['faults', FAULT_KINDS.map((kind) => `${faults[kind]} ${kind}`).join(', ')],
    [
      'workers',
      Object.entries(workers)
        .map(([what, n]) => `${n} ${what}`)
        .join(', '),
    ],
    ['coordinator', `${countOf(report.serverRestarts, 'restart')}, ${countOf(report.serverFreezes, 'freeze')}`],
    ['checkpoints damaged', String(report.checkpointsDamaged)],
    ['faults passed over', String(report.faultsPassedOver)],
    ['steps', `${ledger.steps}, ${ledger.stepsRedone} done again, ${ledger.stepsLost} lost`],
    ['samples applied', `${ledger.samplesApplied} of ${ledger.samplesExpected}`],
    ['results discarded', `${report.resultsDiscarded}; ${countOf(report.leasedAgain, 'block')} leased a second time`],
    ["after a worker's death", recovered],
    ["coordinator's memory", slope(memory.serverMbPerHour, memory.serverLongestMs, memory.serverPeakMb)],
    ["workers' memory", slope(memory.workerMbPerHour, memory.workerLongestMs, memory.workerPeakMb)],
    ['time', `${report.seconds.toFixed(0)} s; undisturbed in one process ${report.undisturbedSeconds.toFixed(0)} s`],
    ['throughput', `${(100 * report.relativeThroughput).toFixed(0)} % of the undisturbed run's`],
    ['parameters', report.parametersSha256],
    ['undisturbed', report.undisturbedSha256],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  const shown = report.differences.slice(0, SHOWN_DIFFERENCES).map((difference) => `  ✘ ${difference}`);
  const rest = report.differenceCount - shown.length;
  if (rest > 0) shown.push(`  … and ${rest} more in ${report.folder}/report.json`);
  return [...lines, ...shown].join('\n');
}

function worthOf({
  testAccuracy,
  validationAccuracy,
  testMeanAbsoluteError,
  validationMeanAbsoluteError,
}: RunSummary): Worth {
  const accuracies = { testAccuracy, validationAccuracy };
  if (testMeanAbsoluteError === undefined || validationMeanAbsoluteError === undefined) return accuracies;
  return { ...accuracies, testMeanAbsoluteError, validationMeanAbsoluteError };
}

function compareSummaries(disturbed: RunSummary, undisturbed: RunSummary): string[] {
  const fields: (keyof RunSummary)[] = ['parametersSha256', 'steps', 'skippedSteps', 'samplesApplied'];
  if (disturbed.outcome === 'completed') {
    fields.push('validationAccuracy', 'validationMeanAbsoluteError');
    fields.push('testAccuracy', 'testMeanAbsoluteError', 'testLoss');
  }
  return fields
    .filter((field) => disturbed[field] !== undisturbed[field])
    .map((field) => `${field} ${disturbed[field]}, undisturbed ${undisturbed[field]}`);
}

function secondsOf(events: readonly RunEvent[]): number {
  const first = events.find(({ type }) => type === 'worker-joined');
  const last = events.at(-1);
  return first === undefined ? 0 : (last!.at - first.at) / 1000;
}
