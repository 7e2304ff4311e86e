// npm run bench:growth [-- --parameters 1,5,25 --workers 1,2,4,8,16 --seconds 4 --only grid crowd link time]
//
// What a step costs without computing, as parameters and workers grow: the real server and the real workers' loop, in
// processes, over sockets. Also a thousand workers with small gradients, a slow link, and a long run. Fits the constants of
// step-model.ts to the processor times and sets what they predict beside the durations that were measured. Writes
// reports/growth/growth.{md,json,svg}; docs/performance.md says what it means. What fails is named, and the rest goes on.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { lessonModel } from '@convoy/cifar10/models';
import { measureCell, type GrowthCell, type GrowthShape } from './growth-cell.ts';
import { growthPlot } from './growth-plot.ts';
import { growthReport, type Endurance, type GrowthResult, type PredictedCell } from './growth-report.ts';
import { describeMachine } from './machine.ts';
import { measureOverLink } from './slow-link.ts';
import { median, quantile } from './statistics.ts';
import { convoyStep } from './step-bench.ts';
import { fitConstants, predictStepMs, type StepConstants } from './step-model.ts';

const numbers = (text: string) => text.split(',').map(Number);
const program = new Command('growth')
  .option('--parameters <list>', 'millions of parameters', numbers, [1, 5, 25])
  .option('--workers <list>', 'workers, each in a process where memory allows', numbers, [1, 2, 4, 8, 16])
  .option('--crowd <list>', 'workers with a thousand parameters, many in a process', numbers, [10, 100, 1000])
  .option('--gigabits <list>', 'links for the lesson’s CNN with 1, 2 and 4 workers', numbers, [1])
  .option('--time-steps <n>', 'length of the long run', Number, 1500)
  .option('--seconds <n>', 'timed part of each cell', Number, 4)
  .option('--least-steps <n>', 'timed steps of each cell at least', Number, 5)
  .option('--only <part...>', 'of grid, crowd, link and time')
  .parse();
const flags = program.opts<{
  parameters: number[];
  workers: number[];
  crowd: number[];
  gigabits: number[];
  timeSteps: number;
  seconds: number;
  leastSteps: number;
  only?: string[];
}>();

const CROWD_PARAMETERS = 1000;
const LINK_WORKERS = [1, 2, 4];
const TIME_WORKERS = 2;
const LEAST_CORES = 0.1;

const startedMs = performance.now();
const minutes = () => (performance.now() - startedMs) / 60_000;
/** How many terms of the server's cost the grid must determine. */
const UNKNOWNS = 3;
const say = (line: string) => console.error(`${minutes().toFixed(1)} min  ${line}`);
const failures: string[] = [];
const duration = { seconds: flags.seconds, leastSteps: flags.leastSteps };
const overLoopback = (shape: Omit<GrowthShape, 'gigabitsPerSecond'>) =>
  measureCell({ ...shape, gigabitsPerSecond: null }, duration);

const target = fileURLToPath(new URL('../../reports/growth/', import.meta.url));
mkdirSync(target, { recursive: true });

const grid: GrowthCell[] = [];
const crowd: GrowthCell[] = [];
const link: GrowthCell[] = [];
const endurance: Endurance[] = [];
if (isWanted('grid')) {
  for (const millions of flags.parameters) {
    for (const workers of flags.workers) {
      await attempt(grid, `${millions} M parameters, ${workers} workers`, () =>
        overLoopback({ parameters: millions * 1e6, workers }),
      );
    }
  }
}
if (isWanted('crowd')) {
  for (const workers of flags.crowd) {
    const shape = { parameters: CROWD_PARAMETERS, workers };
    await attempt(crowd, `${workers} workers with ${CROWD_PARAMETERS} parameters`, () => overLoopback(shape));
  }
}
if (isWanted('link')) {
  for (const gigabitsPerSecond of flags.gigabits) {
    for (const workers of LINK_WORKERS) {
      const shape = { parameters: lessonModel.parameterCount, workers, gigabitsPerSecond };
      await attempt(link, `${gigabitsPerSecond} Gb/s, ${workers} workers`, () => measureOverLink(shape));
    }
  }
}
if (isWanted('time')) await attempt(endurance, `${flags.timeSteps} steps`, measureEndurance);
console.log(save());
say(`written to ${target}`);

function isWanted(part: string): boolean {
  return flags.only === undefined || flags.only.includes(part);
}

async function attempt<Value>(into: Value[], name: string, measure: () => Promise<Value>): Promise<void> {
  try {
    into.push(await measure());
    say(`${name}: measured`);
    // Who stops it has what it had.
    save();
  } catch (error) {
    failures.push(`${name}: ${(error as Error).message.trim().split('\n').at(-1)}`);
    say(`${name}: ${(error as Error).message}`);
  }
}

/** Writes what has been measured so far. @returns the report. */
function save(): string {
  const constants = constantsOf(grid);
  const predicted = (cell: GrowthCell): PredictedCell => {
    // What others left of the machine, but not less than the part that the scheduler keeps for us.
    const cores = Math.max(LEAST_CORES, availableParallelism() - (cell.othersCores ?? 0));
    const shape = { ...cell, cores, computeMs: 0 };
    return { ...cell, predictedMs: constants && predictStepMs(constants, shape) };
  };
  const result: GrowthResult = {
    machine: describeMachine(),
    minutes: minutes(),
    constants,
    grid: grid.map(predicted),
    crowd: crowd.map(predicted),
    link: link.map(predicted),
    endurance: endurance[0] ?? null,
    failures,
  };
  const text = growthReport(result);
  writeFileSync(join(target, 'growth.md'), text);
  writeFileSync(join(target, 'growth.json'), `${JSON.stringify(result, null, 2)}\n`);
  if (grid.length > 0) writeFileSync(join(target, 'growth.svg'), growthPlot(result));
  return text;
}

/** Null where the grid does not determine them. */
function constantsOf(cells: readonly GrowthCell[]): StepConstants | null {
  if (cells.length < UNKNOWNS) return null;
  try {
    return fitConstants(cells);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return null;
  }
}

async function measureEndurance(): Promise<Endurance> {
  const steps = flags.timeSteps;
  const size = { parameters: lessonModel.parameterCount, workers: TIME_WORKERS };
  const { ms, serverRssByTenth } = await convoyStep({ ...size, steps, warmSteps: 10 });
  const tenths = Array.from({ length: 10 }, (_, n) => {
    const part = ms.slice(Math.floor((n * steps) / 10), Math.floor(((n + 1) * steps) / 10));
    return { ms: median(part), slowestMs: quantile(part, 1), serverRssBytes: serverRssByTenth[n] ?? NaN };
  });
  return { ...size, steps, tenths };
}
