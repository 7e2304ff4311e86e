import { availableParallelism } from 'node:os';
import { ENGINE_CHOICES, type EngineChoice } from '@convoy/engine/backends/load';
import { OperatorError } from '@convoy/protocol/errors';
import type { ComputeOptions } from './compute/compute.ts';

/** How a process computes; what it computes changes by rounding alone. */
export interface EngineOptions {
  readonly engine: EngineChoice;
  readonly threads?: number | undefined;
  readonly dataDir?: string | undefined;
  readonly workload?: string | undefined;
}

/** What computes where nobody says: `CONVOY_ENGINE`, else whatever loads. @throws OperatorError when it names none. */
export function engineFrom(environment: Readonly<Record<string, string | undefined>>): EngineChoice {
  const name = environment['CONVOY_ENGINE'] || 'auto';
  const choice = ENGINE_CHOICES.find((known) => known === name);
  if (choice !== undefined) return choice;
  throw new OperatorError(`CONVOY_ENGINE (${name}) must be one of ${ENGINE_CHOICES.join(', ')}`);
}

/** Threads for each of `workers` processes on this machine. */
export function threadsPerWorker(options: EngineOptions, deterministic: boolean, workers: number): number {
  if (options.threads !== undefined) return options.threads;
  return deterministic ? 1 : Math.max(1, Math.floor(availableParallelism() / workers));
}

/**
 * With these TensorFlow compiles a graph in the midst of a run, once it has run a few times, and rounds otherwise from
 * then on: no test at the start would notice.
 */
const CHANGES_LATER = ['TF_XLA_FLAGS', 'XLA_FLAGS'];

/**
 * Options for a compute in this process, after setting what TensorFlow reads when it loads: call it before anything loads
 * the engine, from the main thread (only there does assigning to `env` reach the C library).
 */
export function computeOptions(options: EngineOptions, threads: number, env: NodeJS.ProcessEnv): ComputeOptions {
  for (const name of CHANGES_LATER) delete env[name];
  env['TF_NUM_INTRAOP_THREADS'] = env['TF_NUM_INTEROP_THREADS'] = String(threads);
  // TensorFlow leaves oneDNN's convolutions off on processors without AVX-512, where they are faster as well.
  env['TF_ENABLE_ONEDNN_OPTS'] ??= '1';
  const { engine, dataDir, workload } = options;
  return { engine, threads, dataDir, workload, environment: { ...env } };
}
