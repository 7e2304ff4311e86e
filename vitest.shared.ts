import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** One project's Vitest settings: the names of the report and of the project are the folder's. */
export function project(name: string, options: { readonly timeoutMs?: number; readonly serial?: boolean } = {}) {
  const workspace = fileURLToPath(new URL('.', import.meta.url));
  return defineConfig({
    test: {
      name,
      // The TensorFlow addon reads its thread counts once per process: processes, not threads, keep tests apart.
      pool: 'forks',
      fileParallelism: !options.serial,
      // Vitest would leave one core to a watching terminal: on two that is half of them.
      maxWorkers: options.serial ? 1 : availableParallelism(),
      testTimeout: options.timeoutMs ?? 30_000,
      hookTimeout: options.timeoutMs ?? 30_000,
      env: { TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1', TF_CPP_MIN_LOG_LEVEL: '2' },
      reporters: ['default', ['json', { outputFile: `${workspace}reports/${name}.json` }]],
    },
  });
}
