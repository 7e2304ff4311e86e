import { totalmem } from 'node:os';
import { quantile, spreadOf, type Spread } from './statistics.ts';
import { convoyStep, type StepBench, type StepCost } from './step-bench.ts';

/** A cluster of which the steps are measured, without computing. */
export interface GrowthShape {
  readonly parameters: number;
  readonly workers: number;
  /** The rate of the link between them, both directions together; null for loopback as it is. */
  readonly gigabitsPerSecond: number | null;
}

export interface GrowthCell extends GrowthShape {
  /** Processes that the workers were in. */
  readonly processes: number;
  readonly steps: number;
  /** A step's duration in milliseconds: the median, and the range of the middle eight tenths. */
  readonly ms: Spread;
  /** Per step: the server's in all, and one worker's. */
  readonly serverCpuMs: number;
  readonly workerCpuMs: number;
  readonly serverPageFaults: number;
  readonly workerPageFaults: number;
  /** The largest that the server, and all workers together, were. */
  readonly serverRssBytes: number;
  readonly workersRssBytes: number;
  readonly leasedAgain: number;
  /** Cores that others used meanwhile. */
  readonly othersCores: number | null;
}

/** Measures for about that long, but some steps at least. */
export interface Duration {
  readonly seconds: number;
  readonly leastSteps: number;
}

const WARM_STEPS = 4;
const MOST_STEPS = 200;
/** A guess, to choose the number of steps by: per worker and MB of parameters, and whatever the size. */
const GUESS = { msPerMB: 4, ms: 1 };
/** Of all processes together. */
const MEMORY_BYTES = Math.min(12e9, totalmem() / 2);
const PROCESS_BYTES = 1e8;

/** @throws Error when it fails, or would take more memory than half the machine has, or than 12 GB. */
export async function measureCell(shape: GrowthShape, { seconds, leastSteps }: Duration): Promise<GrowthCell> {
  const { parameters, workers } = shape;
  const guessMs = GUESS.ms + workers * (GUESS.ms + (GUESS.msPerMB * 4 * parameters) / 1e6);
  const steps = Math.round(Math.min(MOST_STEPS, Math.max(leastSteps, (1000 * seconds) / guessMs)));
  const processes = processesFor(shape);
  const bench: StepBench = { parameters, workers, steps, warmSteps: WARM_STEPS, ...(processes && { processes }) };
  const cost = await convoyStep(bench);
  return { ...shape, processes: cost.processes, steps, ...figuresOf(cost) };
}

function figuresOf({ ms, server, worker, serverRssBytes, workersRssBytes, leasedAgain, othersCores }: StepCost) {
  return {
    ms: { median: spreadOf(ms)!.median, low: quantile(ms, 0.1), high: quantile(ms, 0.9) },
    serverCpuMs: server.cpuMs,
    workerCpuMs: worker.cpuMs,
    serverPageFaults: server.pageFaults,
    workerPageFaults: worker.pageFaults,
    serverRssBytes,
    workersRssBytes,
    leasedAgain,
    othersCores,
  };
}

/**
 * Into how many processes the workers must go to fit into memory; undefined for as many as they usually have.
 * @throws Error when they don't fit.
 */
function processesFor({ parameters, workers }: GrowthShape): number | undefined {
  if (memoryBytes(parameters, workers, workers) <= MEMORY_BYTES || workers > 16) return undefined;
  for (let processes = workers / 2; processes >= 1; processes /= 2) {
    if (memoryBytes(parameters, workers, processes) <= MEMORY_BYTES) return Math.ceil(processes);
  }
  throw new Error(`would take more than ${(MEMORY_BYTES / 1e9).toFixed(0)} GB of memory`);
}

/**
 * What a cluster is expected to take. The server: parameters, m and v twice, two encoded versions, a sum; for each worker a
 * gradient on its way in and a vector. A worker's process: a gradient, parameters and a message in its kept buffer; for each
 * worker a result and a message on its way in.
 */
export function memoryBytes(parameters: number, workers: number, processes: number): number {
  const vector = 4 * parameters;
  const server = PROCESS_BYTES + (9 + 1.5 * workers) * vector;
  return server + processes * (PROCESS_BYTES + 3 * vector) + workers * 2 * vector;
}
