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
 * What changes TensorFlow's arithmetic where a reference gradient at the start may not show it: with the first three a graph is
 * compiled in the midst of a run, once it has run a few times; the last changes the convolutions of some shapes alone. Whatever
 * else changes bits changes those of the reference gradient: `TF_ENABLE_ONEDNN_OPTS`, `ONEDNN_MAX_CPU_ISA` and
 * `ONEDNN_DEFAULT_FPMATH_MODE` do, `OMP_NUM_THREADS` changes nothing.
 */
const UNSEEN = ['TF_XLA_FLAGS', 'XLA_FLAGS', 'TF_JITRT_FLAGS', 'TF_USE_DEEP_CONV2D'];

/** Takes out of an environment what may change bits unseen, and says so in one line if there was any. */
export function clearUnseen(env: NodeJS.ProcessEnv, onNote: (line: string) => void): void {
  const found = UNSEEN.filter((name) => env[name] !== undefined);
  for (const name of found) delete env[name];
  if (found.length > 0)
    onNote(`ignoring ${found.join(', ')}: with it TensorFlow may change its arithmetic in the midst of a run`);
}

/**
 * Options for a compute in this process, after setting what TensorFlow reads when it loads: call it before anything loads
 * the engine, from the main thread (only there does assigning to `env` reach the C library).
 */
export function computeOptions(
  options: EngineOptions,
  threads: number,
  env: NodeJS.ProcessEnv,
  onNote: (line: string) => void,
): ComputeOptions {
  clearUnseen(env, onNote);
  env['TF_NUM_INTRAOP_THREADS'] = env['TF_NUM_INTEROP_THREADS'] = String(threads);
  // TensorFlow leaves oneDNN's convolutions off on processors without AVX-512, where they are faster as well.
  env['TF_ENABLE_ONEDNN_OPTS'] ??= '1';
  const { engine, dataDir, workload } = options;
  return { engine, threads, dataDir, workload, environment: { ...env } };
}
