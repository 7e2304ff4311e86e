import { availableParallelism } from 'node:os';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { EngineChoice } from '@convoy/cifar10/engine/load';
import type { ComputeOptions } from './compute/compute.ts';

/** Options that say how a process computes; they don't change what it computes but for rounding. */
export interface EngineFlags {
  readonly engine: EngineChoice;
  readonly threads?: number;
  readonly dataDir?: string;
  readonly workload?: string;
}

export function addEngineOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--engine <name>', 'what computes: TensorFlow, or WASM where it does not load')
        .choices(['auto', 'tensorflow', 'wasm'])
        .default('auto')
        .env('CONVOY_ENGINE'),
    )
    .option(
      '--threads <n>',
      'threads per worker (default: the cores, shared among the workers of this machine)',
      (text) => {
        const value = Number(text);
        if (!Number.isSafeInteger(value) || value < 1)
          throw new InvalidArgumentError('It must be a whole number, 1 or more.');
        return value;
      },
    );
}

/** Threads for each of `workers` processes on this machine. */
export function threadsPerWorker(flags: EngineFlags, deterministic: boolean, workers: number): number {
  if (flags.threads !== undefined) return flags.threads;
  return deterministic ? 1 : Math.max(1, Math.floor(availableParallelism() / workers));
}

/**
 * Options for a compute in this process, after setting what TensorFlow reads when it loads: call it before anything loads
 * the engine, from the main thread (only there does assigning to `env` reach the C library).
 */
export function computeOptions(flags: EngineFlags, threads: number, env: NodeJS.ProcessEnv): ComputeOptions {
  env['TF_NUM_INTRAOP_THREADS'] = env['TF_NUM_INTEROP_THREADS'] = String(threads);
  // TensorFlow leaves oneDNN's convolutions off on processors without AVX-512, where they are faster as well.
  env['TF_ENABLE_ONEDNN_OPTS'] ??= '1';
  const { engine, dataDir, workload } = flags;
  return { engine, threads, dataDir, workload, environment: { ...env } };
}
