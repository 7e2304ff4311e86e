import type { ArithmeticResult } from './arithmetic.ts';
import type { TrainingSteps } from './contenders.ts';
import type { ContenderResult, Goal, StepResult } from './goals.ts';
import { machineLine, type Machine } from './machine.ts';
import { median, ratios, spreadOf, type Measured } from './statistics.ts';
import type { StepCost } from './step-bench.ts';
import { spreadText, table } from './table.ts';

export interface BenchResult {
  readonly machine: Machine;
  readonly globalBatch: number;
  /** Timed steps of each measurement of a training. */
  readonly steps: number;
  readonly rounds: number;
  readonly minutes: number;
  readonly goals: readonly Goal[];
  readonly contenders: readonly ContenderResult[];
  /** Steps that compute nothing. */
  readonly emptySteps: readonly StepResult[];
  readonly arithmetic: readonly ArithmeticResult[];
}

/** The result as Markdown. */
export function report(result: BenchResult): string {
  const { machine, globalBatch, rounds, minutes, steps, goals, contenders, emptySteps, arithmetic } = result;
  const parts = [
    `# Bench\n\n${machineLine(machine)} The lesson's CNN, global batch ${globalBatch}, ${rounds} rounds of ${steps} timed steps, ` +
      `${minutes.toFixed(0)} minutes. Every round measures each contender once, in turn; ratios are medians of those within a round, ` +
      'with the lowest and the highest.',
    goalTable(goals),
    contenderTable(contenders),
  ];
  const trainings = contenders.filter(({ steps }) => steps.length > 0);
  if (trainings.length > 0) parts.push(trainingTable(trainings));
  if (emptySteps.length > 0) parts.push(stepTable(emptySteps));
  if (arithmetic.length > 0) {
    const rows = arithmetic.map(({ name, ms }) => [name, `${ms.toFixed(2)} ms`]);
    parts.push(table(["the server's arithmetic, 904,718 parameters", 'median'], rows));
  }
  return `${parts.join('\n\n')}\n`;
}

function goalTable(goals: readonly Goal[]): string {
  const rows = goals.map(({ name, limit, atLeast, digits, measured, isMet, reason }) => [
    name,
    measured === null ? `not measured (${reason})` : spreadText(measured, digits),
    `${atLeast ? '≥' : '≤'} ${limit.toFixed(digits)}`,
    isMet === null ? '–' : isMet ? 'met' : '**not met**',
  ]);
  return table(['goal', 'measured', 'wanted', ''], rows);
}

function contenderTable(contenders: readonly ContenderResult[]): string {
  const rows = contenders.map(({ name, resources, measured, reason }) => {
    const speed = spreadOf(measured);
    const figures =
      speed === null ? ['–', '–', '–'] : [speed.median, speed.low, speed.high].map((one) => one.toFixed(0));
    return [name, resources, ...figures, reason ?? ''];
  });
  return table(['what', 'processes', 'images/s, median', 'lowest', 'highest', ''], rows);
}

function trainingTable(trainings: readonly ContenderResult[]): string {
  const rows = trainings.map(({ name, steps }) => {
    const figure = (of: (steps: TrainingSteps) => Measured, digits = 0) => textOf(steps.map(of), digits);
    return [
      name,
      figure(({ ms }) => ms),
      figure(({ busyShare }) => 100 * busyShare, 1),
      figure(({ used }) => used && used.server.cpuMs),
      figure(({ used }) => used && used.workers.cpuMs),
      figure(({ used, workers }) => used && used.server.pageFaults / workers + used.workers.pageFaults),
    ];
  });
  const head = [
    'training',
    'step, ms',
    'of it computing, %',
    "server's CPU, ms",
    "a worker's CPU, ms",
    'page faults per worker',
  ];
  return `${table(head, rows)}\n\nOf the timed steps of whole trainings, per step, TensorFlow included. One process counts as the server.`;
}

function stepTable(steps: readonly StepResult[]): string {
  const rows = steps.map(({ workers, convoy, raw, reason }) => {
    const stepMs = (costs: readonly (StepCost | null)[]) => costs.map((cost) => cost && median(cost.ms));
    const figure = (of: (cost: StepCost) => number) =>
      textOf(
        convoy.map((cost) => cost && of(cost)),
        1,
      );
    return [
      String(workers),
      textOf(stepMs(convoy), 1),
      textOf(stepMs(raw), 1),
      textOf(ratios(stepMs(convoy), stepMs(raw)), 2),
      figure(({ server }) => server.cpuMs / workers),
      figure(({ worker }) => worker.cpuMs),
      figure(({ server, worker }) => server.pageFaults / workers + worker.pageFaults),
      figure(({ leasedAgain }) => leasedAgain),
      reason ?? '',
    ];
  });
  const head = [
    'workers',
    'step without computing, ms',
    'raw sockets, ms',
    'ratio',
    'server CPU, ms',
    'worker CPU, ms',
    'page faults',
    'leased twice',
    '',
  ];
  return `${table(head, rows)}\n\nProcessor time and page faults are per worker and step, of the timed steps only.`;
}

function textOf(values: readonly Measured[], digits: number): string {
  const spread = spreadOf(values);
  return spread === null ? '–' : spreadText(spread, digits);
}
