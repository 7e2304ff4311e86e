import { fileURLToPath } from 'node:url';
import type { GradientFormat, RunConfig } from '@convoy/protocol/run-config';
import { ceilPowerOfTwo } from '@convoy/numerics/blocks';
import { cifar10 } from '@convoy/cifar10/workload';
import { resolveConfig } from '@convoy/training/config';
import { partOf } from '@convoy/training/sampling';
import { BenchProcess, type Usage } from './processes.ts';

/** Steps of a server and workers that compute nothing. */
export interface StepBench {
  /** Timed ones. */
  readonly steps: number;
  /** Before those: the first steps compile, and find their buffers. */
  readonly warmSteps: number;
  readonly workers: number;
  readonly parameters: number;
  /** float32 when not said. */
  readonly gradientFormat?: GradientFormat;
  /** Among which the workers are divided. Few workers have a process each by default, as they have in life. */
  readonly processes?: number;
}

/** Per step; processor time and page faults of a worker are those of one. */
export interface StepCost {
  readonly ms: readonly number[];
  readonly server: Usage;
  readonly worker: Usage;
  /** The largest that the server's process and the sum of the workers' were. */
  readonly serverRssBytes: number;
  readonly workersRssBytes: number;
  /** The server's process after each tenth of the steps. */
  readonly serverRssByTenth: readonly number[];
  /** That the workers were in. */
  readonly processes: number;
  /** Cores that others than these processes used meanwhile, the mean; null where that can't be told. */
  readonly othersCores: number | null;
  /** Leases in all that were given a second time. */
  readonly leasedAgain: number;
}

/** What a worker's process prints. */
export interface WorkerReport extends Usage {
  readonly rssBytes: number;
}

/** What a server's process prints. */
export interface ServerReport extends WorkerReport {
  readonly stepMs: readonly number[];
  readonly rssByTenth: readonly number[];
  /** Of the whole machine meanwhile; null where that can't be told. */
  readonly machineCpuMs: number | null;
  readonly leasedAgain: number;
}

export const DEFAULT_WARM_STEPS = 20;
/** Nothing is tested at the end. */
export const DATASET = { trainCount: 50_000, testCount: 0 };
export const DIGEST = '0'.repeat(64);
/** More workers than that share processes, by default. */
const MOST_PROCESSES = 16;
const SESSIONS_PER_PROCESS = 125;

/** One micro-batch, and so one lease, for each worker. */
export function stepConfig({ steps, warmSteps, workers, gradientFormat }: StepBench): RunConfig {
  return resolveConfig(cifar10, {
    dataset: { name: 'synthetic', seed: 1, ...DATASET, testCount: 1 },
    globalBatchSize: ceilPowerOfTwo(workers),
    microBatchSize: 1,
    maxSteps: steps + warmSteps,
    validationSplit: 0,
    gradientFormat,
    // Smaller than any gradient here could undo.
    optimizer: { learningRate: 1e-6 },
  });
}

/** The real server and the real workers' loop, over real sockets between processes. */
export function convoyStep(bench: StepBench): Promise<StepCost> {
  return measureSteps(bench, 'step-server.ts', 'step-worker.ts');
}

/** Node's `net` doing the same and nothing else: see raw-server.ts. */
export function rawStep(bench: StepBench): Promise<StepCost> {
  return measureSteps(bench, 'raw-server.ts', 'raw-worker.ts');
}

async function measureSteps(bench: StepBench, serverFile: string, workerFile: string): Promise<StepCost> {
  const program = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  const what = JSON.stringify(bench);
  const server = new BenchProcess(program(serverFile), [what]);
  const port = String(await server.next<number>());
  const few = bench.workers <= MOST_PROCESSES ? bench.workers : Math.ceil(bench.workers / SESSIONS_PER_PROCESS);
  const processes = bench.processes ?? few;
  const sessions = Array.from({ length: processes }, (_, n) => {
    const { start, end } = partOf({ start: 0, end: bench.workers }, n, processes);
    return end - start;
  });
  const workers = sessions.map((count) => new BenchProcess(program(workerFile), [what, port, String(count)]));
  try {
    const reports = await Promise.all(workers.map((worker) => worker.next<WorkerReport>()));
    const { stepMs, rssBytes, rssByTenth, machineCpuMs, leasedAgain, cpuMs, pageFaults } =
      await server.next<ServerReport>();
    const total = (of: (report: WorkerReport) => number) => reports.reduce((sum, each) => sum + of(each), 0);
    return {
      ms: stepMs,
      server: perStep({ cpuMs, pageFaults }, stepMs.length),
      worker: perStep(
        { cpuMs: total((worker) => worker.cpuMs), pageFaults: total((worker) => worker.pageFaults) },
        stepMs.length * bench.workers,
      ),
      serverRssBytes: rssBytes,
      workersRssBytes: total((worker) => worker.rssBytes),
      serverRssByTenth: rssByTenth,
      processes,
      othersCores:
        machineCpuMs &&
        Math.max(0, machineCpuMs - cpuMs - total((worker) => worker.cpuMs)) / stepMs.reduce((sum, ms) => sum + ms),
      leasedAgain,
    };
  } finally {
    await Promise.all([server, ...workers].map((each) => each.end()));
  }
}

function perStep({ cpuMs, pageFaults }: Usage, steps: number): Usage {
  return { cpuMs: cpuMs / steps, pageFaults: pageFaults / steps };
}
