import type { ArithmeticResult } from './arithmetic.ts';
import type { Machine } from './machine.ts';
import { median, quantile, ratios } from './statistics.ts';
import type { StepCost } from './step-bench.ts';

export interface ContenderResult {
  readonly name: string;
  readonly resources: string;
  /** Images per second, one per round. */
  readonly measured: readonly number[];
}

export interface StepResult {
  readonly workers: number;
  readonly convoy: StepCost[];
  readonly raw: StepCost[];
}

export interface BenchResult {
  readonly machine: Machine;
  readonly globalBatch: number;
  readonly rounds: number;
  readonly contenders: readonly ContenderResult[];
  readonly steps: readonly StepResult[];
  readonly arithmetic: readonly ArithmeticResult[];
}

/** What is to be reached: the first contender ÷ the second. */
const GOALS: readonly (readonly [string, string, number])[] = [
  ['convoy 2 workers', 'Keras fit', 1],
  ['convoy 2 workers', 'PyTorch DDP, gloo', 1.25],
  ['convoy 2 workers', 'TensorFlow ParameterServerStrategy', 1.15],
  ['convoy 2 workers', 'convoy 1 worker', 1.85],
  ['convoy one process', 'Keras fit', 0.95],
  ['compiled, gradients alone', 'stock tfjs-node, gradients alone', 1.6],
  ['convoy 2 workers, deterministic', 'convoy 2 workers', 0.95],
];
const STEP_GOALS = { ratio: 1.4, serverCpuMs: 8, workerCpuMs: 12, pageFaults: 100 };

/** The result as Markdown. */
export function report(result: BenchResult): string {
  const { machine, globalBatch, rounds, contenders, steps, arithmetic } = result;
  const parts = [
    `# Bench\n\n${machine.processor}, ${machine.cores} cores, ${machine.memoryGB} GB; Node ${machine.node}; commit ${machine.commit}; ${machine.date}. ` +
      `The lesson's CNN, global batch ${globalBatch}, ${rounds} rounds, one measurement of each per round. Ratios are medians of those within a round.`,
    table(
      ['what', 'processes', 'images/s, median', 'lowest', 'highest'],
      contenders.map(({ name, resources, measured }) => [
        name,
        resources,
        ...[median(measured), Math.min(...measured), Math.max(...measured)].map((speed) => speed.toFixed(0)),
      ]),
    ),
  ];
  const goals = GOALS.flatMap(([name, to, goal]) => {
    const [ours, theirs] = [name, to].map((wanted) => contenders.find((each) => each.name === wanted)?.measured);
    if (ours === undefined || theirs === undefined) return [];
    const all = ratios(ours, theirs);
    const reached = median(all) >= goal ? 'yes' : '**no**';
    return [[`${name} ÷ ${to}`, spread(all), `≥ ${goal.toFixed(2)}`, reached]];
  });
  if (goals.length > 0) parts.push(table(['ratio', 'median (lowest to highest)', 'goal', 'reached'], goals));
  if (steps.length > 0) parts.push(stepTable(steps));
  if (arithmetic.length > 0) {
    const rows = arithmetic.map(({ name, ms }) => [name, `${ms.toFixed(2)} ms`]);
    parts.push(table(["the server's arithmetic, 904,718 parameters", 'median'], rows));
  }
  return `${parts.join('\n\n')}\n`;
}

function stepTable(steps: readonly StepResult[]): string {
  const rows = steps.map(({ workers, convoy, raw }) => {
    const stepMs = (costs: readonly StepCost[]) => costs.map(({ ms }) => median(ms));
    const figure = (of: (cost: StepCost) => number) => median(convoy.map(of)).toFixed(1);
    return [
      String(workers),
      `${median(stepMs(convoy)).toFixed(1)} ms`,
      `${median(stepMs(raw)).toFixed(1)} ms`,
      `${spread(ratios(stepMs(convoy), stepMs(raw)))}`,
      figure(({ server }) => server.cpuMs / workers),
      figure(({ worker }) => worker.cpuMs),
      figure(({ server, worker }) => server.pageFaults / workers + worker.pageFaults),
    ];
  });
  const { ratio, serverCpuMs, workerCpuMs, pageFaults } = STEP_GOALS;
  return (
    table(
      ['workers', 'step without computing', 'raw sockets', 'ratio', 'server CPU ms', 'worker CPU ms', 'page faults'],
      [...rows, ['goal', '', '', `≤ ${ratio}`, `≤ ${serverCpuMs}`, `≤ ${workerCpuMs}`, `≤ ${pageFaults}`]],
    ) + '\n\nProcessor time and page faults are per worker and step.'
  );
}

function spread(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${quantile(values, 0).toFixed(2)} to ${quantile(values, 1).toFixed(2)})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
