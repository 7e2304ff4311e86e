import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const TIMEOUT_MS = 300_000;

/** One project's Vitest settings: the names of the report and of the project are the folder's. */
export function project(name: string) {
  // Nx sets it for its own output; programs that tests start would write colours into what the tests read.
  delete process.env['FORCE_COLOR'];
  const workspace = fileURLToPath(new URL('.', import.meta.url));
  return defineConfig({
    test: {
      name,
      // The TensorFlow addon reads its thread counts once per process: processes, not threads, keep tests apart.
      pool: 'forks',
      // Vitest would leave one core to a watching terminal: on two that is half of them.
      maxWorkers: availableParallelism(),
      // Only a test that hangs takes so long, on however busy a machine.
      testTimeout: TIMEOUT_MS,
      hookTimeout: TIMEOUT_MS,
      env: { TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1', TF_CPP_MIN_LOG_LEVEL: '2' },
      reporters: ['default', ['json', { outputFile: `${workspace}reports/${name}.json` }]],
    },
  });
}
