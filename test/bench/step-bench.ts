import { fileURLToPath } from 'node:url';
import type { GradientFormat, RunConfig } from '@convoy/protocol/run-config';
import { ceilPowerOfTwo } from '@convoy/training/blocks';
import { resolveConfig } from '@convoy/training/config';
import { BenchProcess, type Usage } from './processes.ts';

/** Steps of a server and workers that compute nothing. */
export interface StepBench {
  readonly steps: number;
  readonly workers: number;
  readonly parameters: number;
  readonly gradientFormat: GradientFormat;
}

/** Per step; processor time and page faults of a worker are those of one. */
export interface StepCost {
  readonly ms: readonly number[];
  readonly server: Usage;
  readonly worker: Usage;
  readonly serverRssBytes: number;
  /** Leases in all that were given a second time. */
  readonly leasedAgain: number;
}

/** What a server's process prints. */
export interface ServerReport extends Usage {
  readonly stepMs: readonly number[];
  readonly rssBytes: number;
  readonly leasedAgain: number;
}

/** The first steps compile, and find their buffers. */
export const WARM_STEPS = 20;
/** Nothing is tested at the end. */
export const DATASET = { trainCount: 50_000, testCount: 0 };
export const DIGEST = '0'.repeat(64);
/** Sockets that one process serves. */
const SESSIONS_PER_PROCESS = 125;

/** One micro-batch, and so one lease, for each worker. */
export function stepConfig({ steps, workers, gradientFormat }: StepBench): RunConfig {
  return resolveConfig({
    dataset: { name: 'synthetic', seed: 1, ...DATASET, testCount: 1 },
    globalBatchSize: ceilPowerOfTwo(workers),
    microBatchSize: 1,
    maxSteps: steps + WARM_STEPS,
    validationSplit: 0,
    gradientFormat,
    // Smaller than any gradient here could undo.
    learningRate: 1e-6,
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
  const processes = Array.from({ length: Math.ceil(bench.workers / SESSIONS_PER_PROCESS) }, (_, n) =>
    Math.min(SESSIONS_PER_PROCESS, bench.workers - n * SESSIONS_PER_PROCESS),
  );
  // Few workers have a process each, as they have in life.
  const sessions = bench.workers <= 16 ? Array.from({ length: bench.workers }, () => 1) : processes;
  const workers = sessions.map((count) => new BenchProcess(program(workerFile), [what, port, String(count)]));
  try {
    const usages = await Promise.all(workers.map((worker) => worker.next<Usage>()));
    const { stepMs, rssBytes, leasedAgain, ...usage } = await server.next<ServerReport>();
    const total = (of: (usage: Usage) => number) => usages.reduce((sum, each) => sum + of(each), 0);
    return {
      ms: stepMs,
      server: perStep(usage, stepMs.length),
      worker: perStep(
        { cpuMs: total(({ cpuMs }) => cpuMs), pageFaults: total(({ pageFaults }) => pageFaults) },
        stepMs.length * bench.workers,
      ),
      serverRssBytes: rssBytes,
      leasedAgain,
    };
  } finally {
    await Promise.all([server, ...workers].map((each) => each.end()));
  }
}

function perStep({ cpuMs, pageFaults }: Usage, steps: number): Usage {
  return { cpuMs: cpuMs / steps, pageFaults: pageFaults / steps };
}
